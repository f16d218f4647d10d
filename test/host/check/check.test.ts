import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { VolumeGroup } from "../../../src/core/volumes/lvm.ts";
import type { Volume } from "../../../src/core/volumes/types.ts";
import { driversOf } from "../../../src/host/check/drivers.ts";
import { parseCipherWords } from "../../../src/host/check/ciphers.ts";
import { fixtureBytes } from "../../fixtures/fixture.ts";
import { cpio, directory, file } from "../image/cpio.ts";
import { mkinitrd } from "../image/mkinitrd.ts";
import { tcryptVolume } from "../../fixtures/truecrypt/volume.ts";
import { type Made, makeExt4, ROOT_FILES } from "../inspect/ext-disk.ts";

const folder = mkdtempSync(join(tmpdir(), "check-"));
afterAll(() => rmSync(folder, { recursive: true }));
const BOOT = {
  steps: [{ name: "unlock", script: "rc.d/unlock.js", require: [] }, { name: "mount", script: "rc.d/mount.js", require: ["unlock"] }],
  kinds: {
    local: { script: "rc.d/local.js", fields: ["device", "options"], options: [], encrypted: false },
    crypt: { script: "rc.d/crypt.js", fields: ["device", "name", "options"], options: ["header"], encrypted: true },
    lvm: { script: "rc.d/lvm.js", fields: ["device", "options"], options: [], encrypted: false },
  },
  realroot: "local:ext4:UUID=00000000-0000-4000-8000-000000000000", sealed: false, encrypted: true, timeoutMs: 1, rescue: {}, imageId: "x",
};
const MODULES = "usr/lib/modules/6.1";

/** An image of ours as far as a check looks: `change` takes paths out, or puts others in. */
function image(change: { without?: string[]; modules?: string[]; builtin?: string[]; files?: Record<string, string | Buffer> } = {}): string {
  const { builtin = ["ext4", "xts"], modules = ["dm-mod", "dm-crypt", "aes_generic"], files = {}, without = [] } = change;
  const all: Record<string, string | Buffer> = {
    "etc/mkinitrd/boot.json": JSON.stringify(BOOT),
    "usr/lib/mkinitrd/rc.d/unlock.js": "// PROVIDE: unlock\n", "usr/lib/mkinitrd/rc.d/mount.js": "// REQUIRE: unlock\n// PROGRAMS: busybox\n",
    "usr/lib/mkinitrd/rc.d/local.js": "// KEYWORD: local\n// FIELDS: device options\n",
    "usr/lib/mkinitrd/rc.d/crypt.js": "// KEYWORD: crypt\n// FIELDS: device name options\n// MODULES: dm_mod dm_crypt ecb?\n// PROGRAMS: cryptsetup\n",
    "usr/lib/mkinitrd/rc.d/lvm.js": "// KEYWORD: lvm\n// FIELDS: device options\n// MODULES: dm_mod\n// PROGRAMS: lvm\n",
    [`${MODULES}/modules.dep`]: modules.map((name) => `kernel/${name}.ko:\n`).join(""),
    [`${MODULES}/modules.builtin`]: builtin.map((name) => `kernel/${name}.ko\n`).join(""),
    [`${MODULES}/modules.alias`]: "",
    "usr/bin/busybox": "x", "usr/sbin/cryptsetup": "x", "usr/sbin/lvm": "x", ...files,
  };
  const names = Object.keys(all).filter((name) => !without.includes(name));
  const parents = [...new Set(names.flatMap((name) => name.split("/").slice(0, -1).map((_, index, parts) => parts.slice(0, index + 1).join("/"))))];
  const path = join(folder, "initrd.img");
  writeFileSync(path, cpio(...parents.map((name) => directory(name)), ...names.map((name) => file(name, all[name]!, { mode: 0o100755 }))));
  return path;
}

/** A disk with a root that mke2fs made; its UUID as blkid prints it. */
function disk(name: string, files: Record<string, Made> = ROOT_FILES): { path: string; uuid: string } {
  const path = join(folder, `${name}.img`);
  makeExt4(path, files);
  const uuid = execFileSync("blkid", ["-p", "-o", "value", "-s", "UUID", path], { encoding: "utf8", env: { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` } }).trim();
  return { path, uuid };
}

const check = (...words: string[]) => mkinitrd("check", ...words);
const PATH = `${process.env["PATH"]}:/usr/sbin:/sbin`;
const MIB = 1024 * 1024;

/** Puts what is in a file into the one partition of a new GPT, with sfdisk. */
function inPartition(path: string, content: Buffer, name: string): void {
  writeFileSync(path, Buffer.concat([Buffer.alloc(MIB), content, Buffer.alloc(MIB)]));
  execFileSync("sfdisk", ["-q", path], { input: `label: gpt\nstart=2048, size=${content.length / 512}, name=${name}\n`, env: { PATH } });
}

test("an image that has all that its realroot needs passes, with the evidence of each hop", async () => {
  const { path, uuid } = disk("whole");
  const result = await check(image(), "--disk", path, `realroot=local:ext4:UUID=${uuid}`);
  expect(result.code).toBe(0);
  expect(result.out).toContain(`local:ext4:UUID=${uuid}\n  + kind local: /usr/lib/mkinitrd/rc.d/local.js\n  + device UUID=${uuid}: whole.img, `);
  expect(result.out).toMatch(/the root\n {2}\+ program busybox: \/usr\/bin\/busybox, with its libraries\n {2}\+ filesystem ext4: built in\n {2}\+ init: \/sbin\/init, which the kernel can run\n\nNothing is missing\.\n$/);
});

describe("what is missing fails, with what to do", () => {
  const { path, uuid } = disk("ext4");
  const root = `realroot=local:ext4:UUID=${uuid}`;
  test.each([
    { what: "the filesystem's driver", change: { builtin: ["xts"] }, found: /x filesystem ext4: neither in the image nor built into kernel 6\.1\n +next: add it: modules: \{add: \[ext4\]\}/ },
    { what: "a program", change: { without: ["usr/bin/busybox"] }, found: /x program busybox: not in the image/ },
    { what: "the script of a step", change: { without: ["usr/lib/mkinitrd/rc.d/unlock.js"] }, found: /x boot steps: the scripts of unlock are not in it/ },
    { what: "the script of the kind", change: { without: ["usr/lib/mkinitrd/rc.d/local.js"] }, found: /x kind local: the image serves crypt, local, lvm/ },
    { what: "a library of a program", change: { files: { "usr/bin/busybox": readFileSync("/bin/ls") } }, found: /x program busybox: \/usr\/bin\/busybox needs (\S+, )*libc\.so\.6, which the image has not/ },
  ])("$what", async ({ change, found }) => {
    const result = await check(image(change), "--disk", path, root);
    expect(result.code).toBe(1);
    expect(result.out).toMatch(found);
    expect(result.out).toMatch(/It would not boot: /);
  });

  test.each([
    { what: "a device that no disk has", spec: "local:ext4:UUID=11111111-1111-4111-8111-111111111111", found: /x device UUID=11111111\S+: it is on none of the disks\n +next: name the disk that has it, too/ },
    { what: "another filesystem than the realroot says", spec: `local:xfs:UUID=${uuid}`, found: /x filesystem xfs: ext4\.img has ext4\n +next: write ext4, or auto/ },
    { what: "no LUKS header where one is to be opened", spec: `crypt:ext4:UUID=${uuid}`, found: /x header on ext4\.img: it holds ext4, crypt opens crypto_LUKS/ },
  ])("$what", async ({ found, spec }) => {
    const result = await check(image(), "--disk", path, `realroot=${spec}`);
    expect([result.code, result.out]).toEqual([1, expect.stringMatching(found)]);
  });

  test("no realroot at all", async () => {
    const empty = image({ files: { "etc/mkinitrd/boot.json": JSON.stringify({ ...BOOT, realroot: "" }) } });
    expect(await check(empty)).toMatchObject({ code: 1, out: expect.stringMatching(/neither the image nor the command line names a root/) });
  });
});

test("a LUKS volume's cipher is looked for in kernel and image, and what is inside is open while it is locked", async () => {
  const path = join(folder, "luks.img");
  writeFileSync(path, fixtureBytes("luks2/argon2.img.gz"));
  const spec = "realroot=crypt:ext4:UUID=01234567-89ab-cdef-0123-456789abcde2";
  const fine = await check(image(), "--disk", path, spec);
  expect([fine.code, fine.out]).toEqual([0, expect.stringMatching(/\+ cipher aes-xts-plain64: aes: packed\n {2}\+ cipher aes-xts-plain64: xts: built in\n {2}\? inside of luks\.img: it is locked/)]);
  expect(fine.out).toMatch(/Nothing is missing, as far as anybody can see from here\./);
  const without = await check(image({ builtin: ["ext4"] }), "--disk", path, spec);
  expect([without.code, without.out]).toEqual([1, expect.stringMatching(/x cipher aes-xts-plain64: xts: no driver in the image, and none built into kernel 6\.1/)]);
});

describe("a TrueCrypt volume", () => {
  const boot = { ...BOOT, kinds: { ...BOOT.kinds, tcplay: { script: "rc.d/tcplay.js", fields: ["device", "name", "options"], options: ["type", "hash", "backup", "keyfile+", "pim"], encrypted: true } } };
  const files = { "etc/mkinitrd/boot.json": JSON.stringify(boot), "usr/lib/mkinitrd/rc.d/tcplay.js": "// KEYWORD: tcplay\n// FIELDS: device name options\n// OPTIONS: type hash backup\n// PROGRAMS: cryptsetup\n" };
  const made = (name: string, places: ("primary" | "backup")[]): string[] => {
    const root = join(folder, "in-tcrypt.img");
    makeExt4(root, ROOT_FILES);
    const path = join(folder, `${name}.img`);
    const volume = tcryptVolume({ type: "truecrypt", hash: "sha512", iterations: 1000, passphrase: Buffer.from("correct horse"), payload: readFileSync(root), places });
    inPartition(path, volume, "tcroot");
    writeFileSync(join(folder, "pass"), "correct horse");
    return ["--disk", path, "--tcrypt", `${name}.img:1,type=truecrypt`, "--key-file", join(folder, "pass")];
  };

  test("is opened, and the root in it is looked at; without that nobody can tell", async () => {
    const words = made("whole", ["primary", "backup"]);
    const open = await check(image({ files }), ...words, "realroot=tcplay:ext4:PARTLABEL=tcroot:root:hash=sha512");
    expect([open.code, open.out]).toEqual([0, expect.stringMatching(/\+ init: \/sbin\/init, which the kernel can run\n\nNothing is missing\./)]);
    const closed = await check(image({ files: { ...files, "etc/a": "x" } }), ...words.slice(0, 2), "realroot=tcplay:ext4:PARTLABEL=tcroot:root:hash=sha512,keyfile=/etc/a");
    expect([closed.code, closed.out]).toEqual([0, expect.stringMatching(/\? inside of whole\.img:1: nothing tells from here what it is\n +next: --tcrypt whole\.img:1,hash=sha512,keyfile=FILE opens it, and looks/)]);
  });

  test("that holds the root wants a stage that opens it, whatever was opened here, or the image's crypttab", async () => {
    const words = made("stages", ["primary"]);
    const uuid = execFileSync("blkid", ["-p", "-o", "value", "-s", "UUID", join(folder, "in-tcrypt.img")], { encoding: "utf8", env: { PATH } }).trim();
    expect(await check(image({ files }), ...words, `realroot=local:ext4:UUID=${uuid}`)).toMatchObject({ code: 1, out: expect.stringMatching(/x inside of stages\.img:1: the root lies in it, and no stage of the realroot opens it/) });
    const crypttab = { ...files, "etc/crypttab": "tc PARTLABEL=tcroot none tcrypt\n" };
    expect(await check(image({ files: crypttab }), ...words, `realroot=local:ext4:UUID=${uuid}`)).toMatchObject({ code: 0, out: expect.stringMatching(/Nothing is missing\./) });
  });

  test("has the name of the stage that opens it", async () => {
    expect(await check(image({ files }), ...made("named", ["primary"]), "realroot=tcplay:none:PARTLABEL=tcroot:tc realroot=local:ext4:/dev/mapper/tc")).toMatchObject({ code: 0, out: expect.stringMatching(/\+ init: \/sbin\/init/) });
  });

  test.each([
    { what: "whose header is damaged wants the option backup", places: ["backup"] as const, options: "hash=sha512", found: /x header of bad\.img:1: it opens by the copy at its end alone.*\n +next: add the option backup/ },
    { what: "of another hash than the realroot says is not found", places: ["primary"] as const, options: "hash=ripemd160", found: /x header of bad\.img:1: its hash is sha512, the realroot says ripemd160/ },
  ])("$what", async ({ found, options, places }) => {
    const result = await check(image({ files }), ...made("bad", [...places]), `realroot=tcplay:ext4:PARTLABEL=tcroot:root:${options}`);
    expect([result.code, result.out]).toEqual([1, expect.stringMatching(found)]);
    expect(result.out).toMatch(/\+ init: \/sbin\/init/);
  });
});

describe("what a stage has in the image", () => {
  const spec = (options: string) => `realroot=crypt:ext4:UUID=01234567-89ab-cdef-0123-456789abcde2:root:${options}`;
  const boot = { ...BOOT, kinds: { ...BOOT.kinds, crypt: { ...BOOT.kinds.crypt, options: ["header", "keyfile"] } } };
  const files = { "etc/mkinitrd/boot.json": JSON.stringify(boot), "etc/root.key": "x", "etc/root.header": "x" };

  test("is there: its header, without which nothing opens, and its key file, in whose place a person is asked", async () => {
    expect(await check(image({ files }), spec("keyfile=/etc/root.key,header=/etc/root.header"))).toMatchObject({ code: 0, out: expect.stringMatching(/\+ key file \/etc\/root\.key: in the image\n {2}\+ header \/etc\/root\.header: in the image/) });
    expect(await check(image({ files }), spec("header=/etc/other"))).toMatchObject({ code: 1, out: expect.stringMatching(/x header \/etc\/other: not in the image\n +next: add it to files:/) });
    expect(await check(image({ files }), spec("keyfile=/etc/other"))).toMatchObject({ code: 0, out: expect.stringMatching(/\? key file \/etc\/other: not in the image: the boot asks for the passphrase/) });
    expect((await check(image({ files }), spec("keyfile=/root.key%40LABEL=KEYS,header=PARTLABEL=h"))).out).not.toMatch(/key file|header \//);
  });
});

describe("what the root lies on", () => {
  /** Booted on Linux 6.1: with the header damaged it lists no partition, and both with the word. */
  test("is on no partition where the kernel would have to read the copy of a GPT, but when it is told to", async () => {
    const root = disk("in-gpt");
    const path = join(folder, "gpt.img");
    inPartition(path, readFileSync(root.path), "root");
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.fill("X", 512 + 8, 512 + 12));
    const spec = `realroot=local:ext4:UUID=${root.uuid}`;
    expect(await check(image(), "--disk", path, spec)).toMatchObject({ code: 1, out: expect.stringMatching(/x partition table of gpt\.img: primary header damaged, .*the kernel does not look at the copy by itself\n +next: repair it: .*or put the word gpt on the kernel command line/) });
    expect(await check(image(), "--disk", path, spec, "gpt")).toMatchObject({ code: 0, out: expect.stringMatching(/\+ partition table of gpt\.img: its copy is used/) });
  });

  test("may have another path on the machine that boots; a UUID has none", async () => {
    const { path } = disk("paths");
    expect(await check(image(), "--disk", path, "realroot=local:ext4:/dev/vda")).toMatchObject({ code: 0, out: expect.stringMatching(/\? device \/dev\/vda: it is on none of the disks under this name, which may be another on the machine that boots\n +next: name it by what is on it[^]*as far as anybody can see from here/) });
  });

  /** Linux: "bad geometry: block count 8192 exceeds size of device". */
  test("is no filesystem that ends behind its device", async () => {
    const { path, uuid } = disk("cut");
    writeFileSync(path, readFileSync(path).subarray(0, 6 * MIB));
    expect(await check(image(), "--disk", path, `realroot=local:ext4:UUID=${uuid}`)).toMatchObject({ code: 1, out: expect.stringMatching(/x health of cut\.img: cut short: it needs 8388608 bytes, \S*cut\.img has 6291456/) });
  });

  test("is no filesystem where it holds something else", async () => {
    const path = join(folder, "swap.img");
    writeFileSync(path, fixtureBytes("fs/swap.img.gz"));
    expect(await check(image(), "--disk", path, `realroot=local:auto:UUID=${/^UUID=(.*)$/m.exec(fixtureBytes("fs/swap.blkid.txt").toString())![1]!}`)).toMatchObject({ code: 1, out: expect.stringMatching(/x filesystem of swap\.img: it holds swap, which is no filesystem\n +next: name what lies in it/) });
  });
});

describe("the root's init", () => {
  const spec = (uuid: string, ...words: string[]) => [`realroot=local:ext4:UUID=${uuid}`, ...words];

  test("that is not there, or whose interpreter is not, is missing", async () => {
    const empty = disk("empty", { "etc/hostname": "x" });
    expect(await check(image(), "--disk", empty.path, ...spec(empty.uuid))).toMatchObject({ code: 1, out: expect.stringMatching(/x init: finding the init of the real root on empty\.img: none of \/sbin\/init, .* is a program there\n +next: check that the realroot names the root filesystem/) });
    const noShell = disk("no-shell", { "sbin/init": { content: "#!/bin/dash\n", mode: 0o755 } });
    expect(await check(image(), "--disk", noShell.path, ...spec(noShell.uuid))).toMatchObject({ code: 1, out: expect.stringMatching(/x init: .*\/sbin\/init \(its interpreter \/bin\/dash: not there\)/) });
  });

  test("is the one of the command line, where that is there", async () => {
    const { path, uuid } = disk("own", { ...ROOT_FILES, "opt/own": { content: "#!/bin/sh\n", mode: 0o755 } });
    expect((await check(image(), "--disk", path, ...spec(uuid, "init=/opt/own"))).out).toMatch(/\+ init: \/opt\/own, which/);
    expect((await check(image(), "--disk", path, ...spec(uuid, "init=/opt/other"))).out).toMatch(/\+ init: \/sbin\/init, which the kernel can run; init=\/opt\/other is no program there/);
  });

  test("may be on a /usr of its own, which nobody can tell from here", async () => {
    const { path, uuid } = disk("split", { sbin: { link: "usr/sbin" }, "etc/fstab": "LABEL=usr /usr ext4 ro 0 0\n" });
    expect(await check(image(), "--disk", path, ...spec(uuid))).toMatchObject({ code: 0, out: expect.stringMatching(/\? init: it has none of its own, and its fstab mounts \/usr from LABEL=usr/) });
  });

  test("can't be looked for in every filesystem", async () => {
    const path = join(folder, "xfs.img");
    writeFileSync(path, fixtureBytes("fs/xfs.img.gz"));
    const uuid = /^UUID=(.*)$/m.exec(fixtureBytes("fs/xfs.blkid.txt").toString())![1]!;
    expect((await check(image(), "--disk", path, `realroot=local:xfs:UUID=${uuid}`)).out).toMatch(/\? init: files are read from ext2, ext3, ext4, not from xfs/);
  });
});

describe("the modules of what a root lies on", () => {
  const group = { uuid: "group", logicalVolumes: [{ uuid: "lv", tables: [{ name: "x", targets: [{ type: "cache", policy: ["smq"] }, { type: "raid", raidType: "raid5_ls" }, { type: "linear" }, { type: "crypt" }, { type: "writecache" }] }] }] } as unknown as VolumeGroup;
  test("are those of a logical volume's targets", () => {
    const volume = { lv: { vgUuid: "group", lvUuid: "lv" } } as unknown as Volume;
    expect(driversOf(volume, [group]).map(({ module }) => module)).toEqual(["dm_cache", "dm-cache-smq", "dm_raid", "raid456", "dm_crypt", "dm_writecache"]);
  });

  test.each([["raid0", "raid0"], ["raid1", "raid1"], ["raid10", "raid10"], ["raid4", "raid456"], ["raid6", "raid456"], ["linear", "linear"]])("%s needs %s", (level, module) => {
    const volume = { md: { level, devices: 2 } } as unknown as Volume;
    expect(driversOf(volume, [])).toEqual([{ module, reason: `${level} of 2` }]);
    // As the kernel's own index has it: md-raid1 is what the kernel asks for.
    const alias = spawnSync("modinfo", ["-F", "alias", module], { encoding: "utf8" });
    if (alias.status === 0) expect(alias.stdout.split("\n")).toContain(`md-${level}`);
  });
});

test("without words the realroot is the image's own, and without disks only the image is looked at; --json says the same", async () => {
  const { code, out: text } = await check(image());
  expect([code, text]).toEqual([0, expect.stringMatching(/^local:ext4:UUID=00000000.*\n[^]*Nothing is missing in the image; --disk looks at the root's disks, too\.\n$/m)]);
  expect(JSON.parse((await check("--json", image())).out)).toMatchObject({ ok: true, hops: [{ stage: "the image" }, { stage: BOOT.realroot }, { stage: "the root" }] });
});

test("an image of another tool is an error", async () => {
  const path = join(folder, "other.img");
  writeFileSync(path, cpio(file("init", "x")));
  expect(await check(path)).toMatchObject({ code: 1, errors: expect.stringMatching(/it has no \/etc\/mkinitrd\/boot\.json: another tool made it/) });
});

test.each([
  ["aes-xts-plain64", ["aes", "xts"]],
  ["aes-cbc-essiv:sha256", ["aes", "cbc", "essiv", "sha256"]],
  ["capi:xts(aes)-plain64", ["xts", "aes"]],
  ["capi:xts(ecb(aes-generic))-plain64", ["xts", "ecb", "aes-generic"]],
  ["aes:64-cbc-lmk", ["aes", "cbc"]],
  ["cipher_null-ecb", []],
])("the algorithms of %s", (cipher, words) => {
  expect(parseCipherWords(cipher)).toEqual(words);
});
