import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { run } from "../../../src/host/cli/program.ts";
import type { InspectNode } from "../../../src/host/inspect/node.ts";
import { fixtureBytes } from "../../fixtures/fixture.ts";
import { encryptUnits, tcryptVolume } from "../../fixtures/truecrypt/volume.ts";

const folder = mkdtempSync(join(tmpdir(), "encrypted-"));
afterAll(() => rmSync(folder, { recursive: true }));
const here = (name: string): string => join(folder, name);
const noCryptsetup = spawnSync("cryptsetup", ["--version"]).error !== undefined;
const EXT4 = fixtureBytes("fs/ext4.img.gz");
const SHA256 = createHash("sha256").update(EXT4).digest("hex");
let out = "";
let errors = "";
beforeEach(() => {
  [out, errors] = ["", ""];
  vi.spyOn(console, "log").mockImplementation((text: string) => void (out += `${text}\n`));
  vi.spyOn(console, "error").mockImplementation((text: string) => void (errors += `${text}\n`));
  vi.spyOn(process.stderr, "write").mockImplementation((text) => (errors += String(text), true));
  process.exitCode = undefined;
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

const trees = async (...words: string[]): Promise<InspectNode[]> => {
  await run(["inspect", "--json", ...words]);
  return JSON.parse(out) as InspectNode[];
};

describe("TrueCrypt", () => {
  const volume = (hash: "sha512" | "ripemd160", passphrase: Buffer) => tcryptVolume({ type: "truecrypt", hash, iterations: hash === "sha512" ? 1000 : 2000, passphrase, payload: EXT4, places: ["primary", "backup"] });
  beforeAll(() => {
    writeFileSync(here("pass"), "correct horse");
    writeFileSync(here("wrong"), "wrong horse");
    writeFileSync(here("whole.img"), volume("sha512", Buffer.from("correct horse")));
    const disk = fixtureBytes("gpt/three-partitions.img.gz");
    writeFileSync(here("disk.img"), disk);
    const damaged = volume("ripemd160", Buffer.from("correct horse"));
    damaged.fill(0xa5, 64, 512);
    writeFileSync(here("damaged.img"), damaged);
  });

  test.skipIf(noCryptsetup)("cryptsetup reads the header of the fixture as it is meant (skipped where cryptsetup is missing)", () => {
    const printed = execFileSync("cryptsetup", ["tcryptDump", "--disable-veracrypt", "--hash", "sha512", "--cipher", "aes", here("whole.img")], { input: "correct horse", encoding: "utf8" });
    expect(printed).toMatch(/^MK offset:\s+131072$/m);
  });

  test("a volume that is named is opened: its filesystem stands under it, with the realroot that boots it", async () => {
    const [disk] = await trees("--tcrypt", "whole.img,type=truecrypt", "--key-file", here("pass"), here("whole.img"));
    expect(disk).toMatchObject({ name: "whole.img", type: "crypto_TCRYPT", version: "TrueCrypt", damage: [] });
    const [mapping] = disk!.children;
    expect(mapping).toMatchObject({ name: "/dev/mapper/tcrypt-whole.img", layer: "mapping", type: "ext4", sizeBytes: EXT4.length, realroot: ["tcplay:ext4:/dev/DISK::type=truecrypt,hash=sha512"] });
    expect(process.exitCode ?? 0).toBe(0);
    out = "";
    await run(["inspect", "--tcrypt", `${here("whole.img")},type=truecrypt`, "--key-file", here("pass"), here("whole.img")]);
    expect(out).toMatch(/^whole\.img +[\d.]+ \w+ +crypto_TCRYPT TrueCrypt$/m);
    expect(out).toContain("/dev/DISK stands for the disk's name on the machine that boots");
  });

  test("where the header is damaged its copy is used; the tree says so, and the realroot has the option", async () => {
    const [disk] = await trees("--tcrypt", "damaged.img,type=truecrypt", "--key-file", here("pass"), here("damaged.img"));
    expect(disk).toMatchObject({ damage: [expect.stringMatching(/^the header does not open, the copy at the volume's end was used/)] });
    expect(disk!.children[0]).toMatchObject({ realroot: ["tcplay:ext4:/dev/DISK::type=truecrypt,hash=ripemd160,backup"] });
  });

  test("an outer and its hidden volume are opened side by side, under names of their own", async () => {
    writeFileSync(here("hidden.img"), fixtureBytes("truecrypt/hidden.img.gz")); // of tcplay
    for (const name of ["outer", "inner"]) writeFileSync(here(name), name);
    const words = ["--tcrypt", "hidden.img,type=truecrypt", "--tcrypt", "hidden.img,type=truecrypt,hidden=yes", "--key-file", here("outer"), "--key-file", here("inner"), here("hidden.img")];
    const [disk] = await trees(...words);
    expect(disk!.children.map(({ name, sizeBytes }) => [name, sizeBytes])).toEqual([["/dev/mapper/tcrypt-hidden.img", 262144], ["/dev/mapper/tcrypt-hidden.img-hidden", 131072]]);
  });

  test("dump writes what is in it, and dmsetup the table with which cryptsetup would open it", async () => {
    const words = ["--tcrypt", "whole.img,type=truecrypt,hash=sha512", "--key-file", here("pass"), here("whole.img"), "/dev/mapper/tcrypt-whole.img"];
    await run(["dump", ...words, "-o", here("out.img"), "--sha256"]);
    expect(out).toContain(SHA256);
    expect(readFileSync(here("out.img")).equals(EXT4)).toBe(true);
    out = "";
    await run(["dmsetup", ...words]);
    expect(out).toMatch(new RegExp(`^tcrypt-whole\\.img: 0 ${EXT4.length / 512} crypt aes-xts-plain64 0{128} 256 \\S+ 256$`, "m"));
  });

  test("what only cryptsetup knows is refused with what cryptsetup calls it", async () => {
    const programs = here("programs");
    mkdirSync(programs);
    writeFileSync(join(programs, "cryptsetup"), "#!/bin/sh\n[ \"$1\" = --version ] && exit\nread -r passphrase\n[ \"$1 $passphrase\" = 'tcryptDump other horse' ] || exit 2\nprintf 'PBKDF2 hash:\\tsha1\\nCipher chain:\\tcast5\\nCipher mode:\\tcbc-tcw\\n'\n", { mode: 0o755 });
    vi.stubEnv("PATH", `${programs}:${process.env["PATH"]}`);
    writeFileSync(here("other"), "other horse");
    await run(["inspect", "--tcrypt", "whole.img,type=truecrypt", "--key-file", here("other"), here("whole.img")]);
    vi.unstubAllEnvs();
    expect([process.exitCode, errors]).toEqual([1, expect.stringMatching(/cryptsetup opens its header \(TrueCrypt, cast5, cbc-tcw, sha1\), and it can't be read here\n {2}next: .*cryptsetup open --type tcrypt/)]);
    expect(errors).not.toContain("horse");
  });

  test.each([
    { words: ["--tcrypt", "whole.img,type=truecrypt", "--key-file", "wrong"], found: /no header opens with this passphrase; tried RIPEMD-160, SHA-512, Whirlpool of TrueCrypt, SHA-1 with aes, serpent, .*camellia-serpent\n {2}next: .*cryptsetup open --type tcrypt/ },
    { words: ["--tcrypt", "whole.img,hash=streebog", "--key-file", "pass"], found: /the hash Streebog can't be computed here; known: RIPEMD-160, SHA-512.*\n {2}next: .*cryptsetup open --type tcrypt/ },
    { words: ["--tcrypt", "whole.img,cipher=kuznyechik-aes", "--key-file", "pass"], found: /the cipher kuznyechik-aes can't be computed here; known: aes, serpent, .*camellia/ },
    { words: ["--tcrypt", "whole.img,system", "--key-file", "pass"], found: /system encryption has its header on the disk, and this volume is no partition of one/ },
    { words: ["--tcrypt", "other.img:2", "--key-file", "pass"], found: /opening the volume "other\.img:2" on the disks: it is not there; there are\n {4}whole\.img/ },
    { words: ["--tcrypt", "whole.img,kefile=x"], found: /the option "kefile"; known: backup, cipher, hash, hidden, keyfile, no-passphrase, pim, system, type\n {2}next: did you mean keyfile\?/ },
    { words: ["--tcrypt", "whole.img,pim=none"], found: /the option pim: "none"; a whole number from 1 to/ },
    { words: ["--tcrypt", ",pim=1"], found: /it names no volume/ },
    { words: ["--tcrypt", "whole.img,keyfile=missing-file", "--key-file", "pass"], found: /reading the key file on .*missing-file: no such file/ },
    { words: ["--header", "whole.img"], found: /it is no VOLUME=FILE/ },
    { words: ["--key-slot", "32"], found: /it is no number from 0 to 31/ },
  ])("$words is an error that says what to do", async ({ found, words }) => {
    await run(["inspect", ...words.map((word, index) => (words[index - 1] === "--key-file" ? here(word) : word)), here("whole.img")]);
    expect([process.exitCode, errors]).toEqual([1, expect.stringMatching(found)]);
    expect(out).not.toContain("ext4");
  });
});

describe.skipIf(noCryptsetup)("LUKS, as cryptsetup made it (skipped where it is missing)", () => {
  const cryptsetup = (...words: string[]): string => execFileSync("cryptsetup", ["-q", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", ...words], { encoding: "utf8" });
  /** A payload on its own, and its header in a file; what is in it is encrypted by OpenSSL with the key that cryptsetup tells. */
  const detached = (type: "luks1" | "luks2"): { header: string; payload: string } => {
    const [header, payload, key] = [here(`${type}.header`), here(`${type}.img`), here(`${type}.key`)];
    writeFileSync(payload, "");
    truncateSync(payload, EXT4.length);
    cryptsetup("luksFormat", "--type", type, "--header", header, ...(type === "luks2" ? ["--sector-size", "512"] : []), "--cipher", "aes-xts-plain64", "--key-size", "512", payload, here("pass"));
    rmSync(key, { force: true });
    execFileSync("cryptsetup", ["luksDump", "-q", "--dump-volume-key", "--volume-key-file", key, "--key-file", here("pass"), header]);
    writeFileSync(payload, encryptUnits(EXT4, readFileSync(key), 0));
    return { header, payload };
  };
  beforeAll(() => writeFileSync(here("pass"), "correct horse"));

  test.each(["luks1", "luks2"] as const)("a %s volume whose header is in a file is opened with --header, and dumped", async (type) => {
    const { header, payload } = detached(type);
    const uuid = execFileSync("cryptsetup", ["luksUUID", header], { encoding: "utf8" }).trim();
    const words = ["--header", `${type}.img=${header}`, "--key-file", here("pass"), payload];
    const [disk] = await trees(...words);
    expect(disk!.children[0]).toMatchObject({ name: `/dev/mapper/luks-${uuid}`, type: "ext4", realroot: [`crypt:ext4:/dev/DISK:luks-${uuid}:header=${header}`] });
    out = "";
    await run(["dump", ...words, `/dev/mapper/luks-${uuid}`, "-o", here(`${type}.out`), "--sha256"]);
    expect(out).toContain(SHA256);
  });

  test("without --header the header's own volume says whose it is; a wrong key is a problem", async () => {
    const { header, payload } = detached("luks2");
    await run(["inspect", "--key-file", here("pass"), header]);
    expect(errors).toMatch(/its header says that the payload is on another device\n {2}next: name the volume that has the payload: --header VOLUME=/);
    errors = "";
    writeFileSync(here("wrong"), "wrong horse");
    await run(["inspect", "--header", `luks2.img=${header}`, "--key-file", here("wrong"), payload]);
    expect([process.exitCode, errors]).toEqual([1, expect.stringMatching(/no keyslot opens with this passphrase/)]);
    errors = "";
    await run(["inspect", "--header", `luks2.img=${payload}`, "--key-file", here("pass"), payload]);
    expect(errors).toMatch(/luks2\.img has no LUKS header/);
  });

  test("--key-slot tries one keyslot alone", async () => {
    const file = here("slots.img");
    writeFileSync(file, "");
    truncateSync(file, 20 * 1024 * 1024);
    writeFileSync(here("second"), "second horse");
    cryptsetup("luksFormat", "--type", "luks2", file, here("pass"));
    cryptsetup("luksAddKey", "--key-file", here("pass"), file, here("second"));
    const opened = async (slot: string) => (await trees("--key-slot", slot, "--key-file", here("second"), file))[0]!.children.length;
    expect(await opened("1")).toBe(1);
    out = "";
    expect(await opened("0")).toBe(0);
    out = "";
    expect(await opened("7")).toBe(0);
    expect(errors).toMatch(/opening keyslot 7 on .*slots\.img: it holds no key; those that do: 0, 1/);
  });

  test("a reencryption that has not ended is said, of LUKS2 and of LUKS1", async () => {
    const file = here("reencrypted.img");
    writeFileSync(file, "");
    truncateSync(file, 24 * 1024 * 1024);
    cryptsetup("luksFormat", "--type", "luks2", file, here("pass"));
    cryptsetup("reencrypt", "--init-only", "--force-offline-reencrypt", "--key-file", here("pass"), file);
    expect(await trees(file)).toMatchObject([{ type: "crypto_LUKS", damage: ["its reencryption has not ended: go on with cryptsetup reencrypt --resume-only"] }]);
    await run(["inspect", "--key-file", here("pass"), file]);
    expect(errors).toMatch(/opening the LUKS volume on .*reencrypted\.img: its reencryption has not ended/);
    out = "";
    cryptsetup("luksFormat", "--type", "luks1", here("old.img"), here("pass"), "--header", here("old.img"));
    const uuid = execFileSync("cryptsetup", ["luksUUID", here("old.img")], { encoding: "utf8" }).trim();
    const bytes = readFileSync(here("old.img"));
    bytes.set([0xde, 0xad], 4); // as cryptsetup marks it
    writeFileSync(here("old.img"), bytes);
    expect(await trees(here("old.img"))).toMatchObject([{ damage: [expect.stringContaining(`its reencryption has not ended, and cryptsetup has marked it as unusable: go on where LUKS-${uuid}.log lies`)] }]);
  });
});
