import { describe, expect, test } from "vitest";
import tcplay from "../../rc.d/tcplay.ts";
import { createTestContext, type TestContextOptions } from "../../src/core/rc/testing.ts";
import type { Stage } from "../../src/core/realroot/types.ts";

function context(options: TestContextOptions["realroot"] & object = {}, rest: TestContextOptions = {}) {
  const realroot = { kind: "tcplay", device: "/dev/vda2", name: "tc", ...options };
  return createTestContext({ volumes: { "/dev/vda2": {} }, answers: ["correct horse"], ...rest, realroot });
}

const withOptions = (options: Stage["options"], rest: TestContextOptions = {}) => context({ options }, rest);
const OPEN = "exec cryptsetup open --type tcrypt --verbose";
const runs = (ctx: { recorded: string[] }) => ctx.recorded.filter((line) => line.startsWith("exec"));
const wiped = (secrets: Buffer[]) => secrets.every((secret) => secret.length > 0 && secret.every((byte) => byte === 0));

describe("with cryptsetup", () => {
  test("the passphrase goes to its standard input, and the mappings of a cascade are noted before they are made", async () => {
    const ctx = withOptions({ type: "truecrypt", hidden: "no" });
    await expect(tcplay(ctx)).resolves.toBe("/dev/mapper/tc");
    expect(ctx.recorded).toEqual([
      "opens tc_2", "opens tc_1", "opens tc.1", "opens tc.0", "opens tc", "ask /dev/vda2 1/3", `${OPEN} --disable-veracrypt /dev/vda2 tc`,
      "nothing to wait for", "step opened /dev/vda2 as /dev/mapper/tc",
    ]);
    expect(ctx.inputs).toEqual(["correct horse"]);
    expect(wiped(ctx.secrets)).toBe(true);
  });

  test("a hidden volume is looked for with the same passphrase, and the search is shown", async () => {
    const ctx = withOptions({ type: "truecrypt" }, { exitCodes: [2, 0] });
    await tcplay(ctx);
    expect(runs(ctx)).toEqual([`${OPEN} --disable-veracrypt /dev/vda2 tc`, `${OPEN} --disable-veracrypt --tcrypt-hidden /dev/vda2 tc`]);
    expect(ctx.recorded.filter((line) => line.startsWith("waiting"))).toEqual(["waiting TrueCrypt: 1 of 2 that it may be", "waiting TrueCrypt, hidden volume: 2 of 2 that it may be"]);
    expect(ctx.inputs).toEqual(["correct horse", "correct horse"]);
  });

  test("without options TrueCrypt comes first, then each hash of VeraCrypt", async () => {
    const ctx = withOptions({ tries: "1" }, { exitCodes: [0, ...Array<number>(20).fill(2)], outputs: ["cryptsetup 2.7.0 flags: UDEV\n"] });
    await expect(tcplay(ctx)).rejects.toThrow(/1 passphrase, none opens one of: TrueCrypt; TrueCrypt, hidden volume; VeraCrypt, SHA-512; /);
    const hashes = runs(ctx).filter((line) => line.startsWith(OPEN)).map((line) => /--hash (\S+)( --tcrypt-hidden)?/.exec(line)?.slice(1, 3).join("") ?? "any");
    expect(hashes).toEqual(["any", "any", ...["sha512", "sha256", "blake2s-256", "whirlpool", "ripemd160", "stribog512"].flatMap((hash) => [hash, `${hash} --tcrypt-hidden`])]);
  });

  test("a wrong passphrase is asked for again, and every one is wiped", async () => {
    const ctx = withOptions({ type: "truecrypt", hidden: "yes" }, { answers: ["wrong", "right"], exitCodes: [2, 0] });
    await tcplay(ctx);
    expect(ctx.recorded.filter((line) => line.startsWith("ask"))).toEqual(["ask /dev/vda2 1/3", "ask /dev/vda2 2/3"]);
    expect(wiped(ctx.secrets)).toBe(true);
  });

  test("another exit code ends at once, with the passphrase wiped and the progress gone", async () => {
    const ctx = withOptions({ type: "truecrypt" }, { exitCodes: [4, 2, 2], outputs: ["Device /dev/vda2 is broken.\nCommand failed with code -4 (wrong device or file specified).\n"] });
    await expect(tcplay(ctx)).rejects.toThrow(/exit code 4: Device \/dev\/vda2 is broken\.$/m);
    expect(ctx.recorded.at(-1)).toBe("nothing to wait for");
    expect(wiped(ctx.secrets)).toBe(true);
  });

  test.each<[Stage["options"], string]>([
    [{ pim: "485", hash: "sha512", hidden: "no" }, "--veracrypt --hash sha512 --veracrypt-pim 485"],
    [{ type: "truecrypt", hidden: "no", readonly: true, discard: true }, "--disable-veracrypt --readonly --allow-discards"],
    [{ type: "truecrypt", hidden: "no", backup: true, cipher: "serpent-twofish-aes" }, "--disable-veracrypt --cipher aes-twofish-serpent --tcrypt-backup"],
    [{ type: "truecrypt", hidden: "no", keyfile: "/etc/a\n/etc/b" }, "--disable-veracrypt --key-file /etc/a --key-file /etc/b"],
    [{ type: "truecrypt", hidden: "no", keyfile: "/etc/a\n/b@LABEL=KEYS" }, "--disable-veracrypt --key-file /etc/a --key-file /copy/of/b"],
    [{ hash: "whirlpool", type: "veracrypt", hidden: "yes" }, "--veracrypt --hash whirlpool --tcrypt-hidden"],
    [{ type: "truecrypt", system: true }, "--disable-veracrypt --tcrypt-system"],
  ])("%o becomes %s", async (options, flags) => {
    const ctx = withOptions(options);
    await tcplay(ctx);
    expect(runs(ctx)).toEqual([`${OPEN} ${flags} /dev/vda2 tc`]);
  });

  test.each([["2.6.1", false], ["2.7.0", true], ["2.10.1", true], ["3.0", true]])("BLAKE2s with cryptsetup %s opens: %s", async (version, opens) => {
    const ctx = withOptions({ hash: "blake2s", hidden: "no" }, { outputs: [`cryptsetup ${version} flags: UDEV\n`] });
    if (!opens) return expect(tcplay(ctx)).rejects.toThrow(/lacks the hash blake2s: it is 2\.6\.1, and 2\.7 is the first/);
    await tcplay(ctx);
    expect(runs(ctx).at(-1)).toBe(`${OPEN} --veracrypt --hash blake2s-256 /dev/vda2 tc`);
  });

  test("key files alone are tried once, with an empty line", async () => {
    const ctx = withOptions({ "no-passphrase": true, keyfile: "/etc/a", type: "truecrypt", hidden: "no" }, { exitCodes: [2, 2] });
    await expect(tcplay(ctx)).rejects.toThrow(/the key files alone do not open one of: TrueCrypt/);
    expect(runs(ctx).filter((line) => line.startsWith(OPEN))).toHaveLength(1);
    expect(ctx.inputs).toEqual(["\n", "\n"]);
    expect(ctx.secrets).toEqual([]);
  });

  test("a PIM that is asked for goes to standard input behind the passphrase, and is wiped", async () => {
    const ctx = withOptions({ pim: "ask", hash: "sha256", hidden: "no" }, { answers: ["correct horse", "12"] });
    await tcplay(ctx);
    expect(runs(ctx)).toEqual([`${OPEN} --veracrypt --hash sha256 --veracrypt-query-pim /dev/vda2 tc`]);
    expect(ctx.inputs).toEqual(["correct horse\n12"]);
    expect(wiped(ctx.secrets)).toBe(true);
  });

  test.each([["0", 1], ["twelve", 0], ["99999999", 0]])("the PIM %s typed makes %i runs", async (pim, count) => {
    const ctx = withOptions({ pim: "ask", hash: "sha256", hidden: "no", tries: "1" }, { answers: ["correct horse", pim] });
    await tcplay(ctx).catch(() => {});
    expect(runs(ctx).length).toBe(count);
    expect(runs(ctx).join()).not.toContain("query-pim");
  });

  test("a hash that cryptsetup lacks is said when it was named, and passed over otherwise", async () => {
    const outputs = ["PBKDF2 hash algorithm stribog512 not available, skipping.\n"];
    const named = withOptions({ hash: "streebog", hidden: "no" }, { exitCodes: [2], outputs });
    await expect(tcplay(named)).rejects.toThrow(/lacks the hash stribog512/);
    const searched = withOptions({ type: "veracrypt", hidden: "no" }, { exitCodes: [0, 2, 0], outputs: ["cryptsetup 2.7.0\n", ...outputs] });
    await expect(tcplay(searched)).resolves.toBe("/dev/mapper/tc");
  });

  test("what cryptsetup lacks is not tried, or not counted as tried, and said in the end", async () => {
    const outputs = ["cryptsetup 2.6.1 flags: UDEV\n", "", "", "", "", "PBKDF2 hash algorithm stribog512 not available, skipping.\n"];
    const ctx = withOptions({ type: "veracrypt", hidden: "no", tries: "1" }, { exitCodes: [0, 2, 2, 2, 2, 2], outputs });
    await expect(tcplay(ctx)).rejects.toThrow(/one of: VeraCrypt, SHA-512; VeraCrypt, SHA-256; VeraCrypt, Whirlpool; VeraCrypt, RIPEMD-160; the cryptsetup of this image lacks BLAKE2s and Streebog$/m);
    expect(runs(ctx).join()).not.toContain("blake2s");
  });

  test("a passphrase that opens the copy of the header alone: the error names the option backup, and the passphrase is wiped", async () => {
    const ctx = withOptions({ type: "truecrypt", hidden: "no", tries: "2" }, { answers: ["correct horse", "correct horse"], exitCodes: [2, 2, 0] });
    await expect(tcplay(ctx)).rejects.toThrow(/opens the copy of the header at the device's end[^]*put the option backup/);
    expect(runs(ctx).at(-1)).toBe("exec cryptsetup open --type tcrypt --test-passphrase --disable-veracrypt --tcrypt-backup /dev/vda2");
    expect(runs(ctx)).toHaveLength(3);
    const both = withOptions({ type: "truecrypt", tries: "1" }, { exitCodes: [2, 2, 2, 0] });
    await expect(tcplay(both)).rejects.toThrow(/opens the copy of the header/);
    expect(both.recorded).toContain("waiting TrueCrypt, hidden volume, by the copy of its header: 2 of 2 that it may be");
    expect(wiped(ctx.secrets)).toBe(true);
  });

  test("the copies are not looked at where that takes minutes", async () => {
    const ctx = withOptions({ type: "veracrypt", hidden: "no", tries: "1" }, { exitCodes: [0, ...Array<number>(6).fill(2)], outputs: ["cryptsetup 2.7.0\n"] });
    await expect(tcplay(ctx)).rejects.toThrow(/none opens one of/);
    expect(runs(ctx).join()).not.toContain("--tcrypt-backup");
  });

  test("a cipher that the kernel lacks is refused before anybody types", async () => {
    const said = "Cipher kuznyechik-xts-plain64 (with 512 bits key) is not available.\nRequired kernel crypto interface not available.\n";
    const ctx = withOptions({ cipher: "kuznyechik-serpent-camellia", hash: "sha512" }, { exitCodes: [1], outputs: [said] });
    await expect(tcplay(ctx)).rejects.toThrow(/lacks the cipher kuznyechik/);
    expect(ctx.secrets).toEqual([]);
    const there = withOptions({ cipher: "kuznyechik", hash: "sha512" });
    await expect(tcplay(there)).resolves.toBe("/dev/mapper/tc");
  });

  test.each([
    ["Kernel does not support activation for this TCRYPT legacy mode.", 1, /cipher mode of old TrueCrypt versions[^]*next: copy its files/],
    ["Required kernel crypto interface not available.", 1, /the kernel of this image lacks the cipher, or[^]*next: check the option cipher/],
    ["Cannot use device /dev/vda2 which is in use (already mapped or mounted).", 5, /the device is in use[^]*next: open each device once/],
  ])("%s", async (said, exitCode, found) => {
    const ctx = withOptions({ type: "truecrypt", hidden: "no" }, { exitCodes: [exitCode, 2], outputs: [`${said}\nCommand failed with code -1 (wrong or missing parameters).\n`] });
    await expect(tcplay(ctx)).rejects.toThrow(found);
  });

  test.each([[0, /copy of the header at the device's end opens[^]*next: put the option backup/], [2, /next: check which device the realroot names/]])("a device that is too small: the copy of the header is tried, with exit code %i", async (exitCode, found) => {
    const ctx = withOptions({ type: "truecrypt", hidden: "no" }, { exitCodes: [1, exitCode], outputs: ["Device /dev/vda2 is too small.\n"] });
    await expect(tcplay(ctx)).rejects.toThrow(found);
    expect(wiped(ctx.secrets)).toBe(true);
  });
});

describe("with the tcplay program", () => {
  test("protect-hidden asks for both passphrases, each in a record of its own", async () => {
    const ctx = withOptions({ "protect-hidden": true, keyfile: "/etc/a", "keyfile-hidden": "/etc/b" }, { answers: ["outer", "inner"] });
    await tcplay(ctx);
    expect(ctx.recorded.filter((line) => line.startsWith("ask"))).toEqual(["ask /dev/vda2 1/3", "ask /dev/vda2: Hidden volume's passphrase"]);
    expect(runs(ctx)).toEqual(["exec tcplay --version", "exec tcplay --map tc --device /dev/vda2 --keyfile /etc/a --protect-hidden --keyfile-hidden /etc/b"]);
    expect(ctx.inputs).toEqual([`outer${"\0".repeat(250)}inner${"\0".repeat(250)}`]);
    expect(wiped(ctx.secrets)).toBe(true);
  });

  test("a wrong passphrase is known by what it says, anything else ends with that", async () => {
    const wrong = withOptions({ engine: "tcplay" }, { answers: ["a", "b"], exitCodes: [0, 1, 0], outputs: ["", "Incorrect password or not a TrueCrypt volume\n"] });
    await expect(tcplay(wrong)).resolves.toBe("/dev/mapper/tc");
    const broken = withOptions({ engine: "tcplay", backup: true }, { exitCodes: [0, 1], outputs: ["", "could not get disk information\n"] });
    await expect(tcplay(broken)).rejects.toThrow(/could not get disk information/);
    expect(runs(broken)).toEqual(["exec tcplay --version", "exec tcplay --map tc --device /dev/vda2 --use-backup"]);
  });
});

test("an image without the tcplay program says so before anybody types", async () => {
  const ctx = withOptions({ "protect-hidden": true }, { exitCodes: [1] });
  await expect(tcplay(ctx)).rejects.toThrow(/this image does not have it[^]*next: install tcplay/);
  expect(ctx.secrets).toEqual([]);
});

test.each<[Stage["options"], RegExp]>([
  [{ type: "bitlocker" }, /option type .*"bitlocker"; known: truecrypt, veracrypt/],
  [{ hash: "md5" }, /option hash .*known: ripemd160, sha512, /],
  [{ hash: "sha256", type: "truecrypt" }, /"sha256", which TrueCrypt does not use; known: ripemd160, sha512, whirlpool/],
  [{ cipher: "aes-serpent" }, /option cipher .*known: aes, serpent, /],
  [{ hidden: true }, /option hidden .*it has no value/],
  [{ pim: "0" }, /option pim .*"0"; a whole number from 1 to 2147468/],
  [{ pim: "485", type: "truecrypt" }, /TrueCrypt volumes have none/],
  [{ tries: "many" }, /option tries .*"many"/],
  [{ readonly: "yes" }, /option readonly .*"yes", where nothing belongs/],
  [{ keyfile: "key" }, /option keyfile .*no absolute path/],
  [{ keyfile: true }, /option keyfile .*it has no value/],
  [{ system: true, hidden: "yes" }, /option hidden .*has one header/],
  [{ "no-passphrase": true }, /there is no key file either/],
  [{ "keyfile-hidden": "/k" }, /for protect-hidden alone/],
  [{ "protect-hidden": true, engine: "cryptsetup" }, /can't protect a hidden volume/],
  [{ "protect-hidden": true, hidden: "yes" }, /opens the outer volume/],
  [{ engine: "tcplay", pim: "3" }, /opens TrueCrypt volumes alone/],
  [{ engine: "tcplay", cipher: "aes" }, /option cipher .*no such choice/],
  [{ system: true, backup: true }, /no copy of its header/],
])("%o is refused before anybody types", async (options, reason) => {
  const ctx = withOptions(options);
  await expect(tcplay(ctx)).rejects.toThrow(reason);
  expect(ctx.recorded).toEqual([]);
});

test("a mapping that is open already is used without a question", async () => {
  const ctx = context({}, { exists: ["/dev/mapper/tc"] });
  await expect(tcplay(ctx)).resolves.toBe("/dev/mapper/tc");
  expect(ctx.recorded).toEqual([]);
});

test("without a name the mapping is tcrypt-DEVICE", async () => {
  const ctx = createTestContext({ realroot: { kind: "tcplay", device: "/dev/mapper/vg-lv" }, volumes: { "/dev/mapper/vg-lv": {} }, answers: ["a"] });
  await expect(tcplay(ctx)).resolves.toBe("/dev/mapper/tcrypt-vg-lv");
});

test.each([
  [{ content: { type: "ext4" } }, /ext4, where a TrueCrypt volume has nothing/],
  [{ sizeBytes: 512 }, /512 bytes; a TrueCrypt header .* take 1024/],
])("a device with %o is refused before anybody types", async (volume, reason) => {
  const ctx = context({}, { volumes: { "/dev/vda2": volume } });
  await expect(tcplay(ctx)).rejects.toThrow(reason);
  expect(ctx.recorded).toEqual([]);
});

test("a filesystem over the headers does not stop a boot from the backup", async () => {
  const ctx = withOptions({ backup: true }, { volumes: { "/dev/vda2": { content: { type: "ext4" } } } });
  await expect(tcplay(ctx)).resolves.toBe("/dev/mapper/tc");
});

test("what an earlier use has left behind the header does not stop a boot", async () => {
  const ctx = context({}, { volumes: { "/dev/vda2": { content: { type: "zfs_member", mayBeRemains: true } } } });
  await expect(tcplay(ctx)).resolves.toBe("/dev/mapper/tc");
});

test("system=DISK must be the disk of the partition", async () => {
  const volumes = { "/dev/vda": { layer: "disk" as const }, "/dev/vdb": { layer: "disk" as const }, "/dev/vda2": { parent: "/dev/vda" } };
  await expect(tcplay(withOptions({ system: "/dev/vda" }, { volumes }))).resolves.toBe("/dev/mapper/tc");
  await expect(tcplay(withOptions({ system: "/dev/vdb" }, { volumes }))).rejects.toThrow(/no partition of \/dev\/vdb/);
});
