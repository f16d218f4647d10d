import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseHeader } from "../../../src/core/rc/header.ts";
import { ownArchitecture } from "../../../src/host/architecture.ts";
import { openFileMemo } from "../../../src/host/file-memo.ts";
import type { HostFacts, ImageConfig, ScriptFile } from "../../../src/host/plan/facts.ts";
import { readModuleIndex } from "../../../src/host/plan/module-index.ts";
import { planImage } from "../../../src/host/plan/plan.ts";
import { openSysroot } from "../../../src/host/plan/sysroot.ts";
import type { Entry, Plan } from "../../../src/host/plan/types.ts";

const CONFIG: ImageConfig = {
  realroot: "", realroots: ["local"], modules: { set: "none", add: [], omit: [] }, programs: [], files: [], sealed: false, timeoutMs: 30_000,
};
const DEVICES = script("devices", "// MODULES: disk\n// PROGRAMS: busybox");
const UNLOCK = script("unlock", "// REQUIRE: devices");
const LOCAL = script("local", "// KEYWORD: local\n// FIELDS: device options\n// MODULES: afs?");
const CRYPT = script("crypt", "// KEYWORD: crypt\n// FIELDS: device name options\n// OPTIONS: tries\n// ENCRYPTED: yes\n// MODULES: dm_crypt absent?\n// PROGRAMS: opener\n// LIBRARIES: extra/legacy.so?");

let directory: string;
let facts: HostFacts;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "plan-"));
  for (const path of ["root/usr/bin", "root/usr/sbin", "boot/chunks", "modules/kernel/fs"]) mkdirSync(join(directory, path), { recursive: true });
  program("usr/bin/busybox", "#!/bin/sh\n[ $1 = --list-full ] && printf '%s\\n' bin/sh bin/mount sbin/modprobe usr/bin/opener linuxrc\n");
  program("usr/sbin/opener", "the real one");
  for (const path of ["boot/boot.cjs", "boot/package.json", "init", "modules/modules.builtin"]) writeFileSync(join(directory, path), path);
  writeFileSync(join(directory, "modules/modules.dep"), "kernel/fs/afs.ko:\nkernel/disk.ko: kernel/bus.ko\nkernel/bus.ko:\nkernel/dm-crypt.ko:\nkernel/other.ko:\n");
  writeFileSync(join(directory, "modules/modules.alias"), "alias fs-afs afs\nalias pci:x disk\nalias pci:y other\n");
  for (const name of ["fs/afs", "disk", "bus", "dm-crypt", "other"]) writeFileSync(join(directory, `modules/kernel/${name}.ko`), SMALL_ELF);
  facts = {
    sysroot: openSysroot(join(directory, "root")),
    architecture: ownArchitecture(),
    nodeBinary: join(directory, "boot/boot.cjs"),
    bootProgram: join(directory, "boot"),
    init: join(directory, "init"),
    scripts: [DEVICES, UNLOCK, LOCAL, CRYPT],
    modules: readModuleIndex(join(directory, "modules"), "6.1"),
    machine: { modaliases: [], filesystems: [], drivers: [] },
    memo: openFileMemo(join(directory, "memo.json")),
  };
});
afterEach(() => rmSync(directory, { recursive: true }));

test("a plan holds what the chosen scripts name, each with its reason", async () => {
  const plan = await planImage({ ...CONFIG, realroots: ["local", "crypt"] }, facts);
  expect(find(plan, "usr/sbin/opener")).toMatchObject({ reason: "for rc.d/crypt.ts", type: "file" });
  expect(find(plan, "usr/lib/modules/6.1/kernel/bus.ko")).toMatchObject({ reason: "dependency of disk, for rc.d/devices.ts" });
  expect(find(plan, "usr/lib/mkinitrd/rc.d/crypt.js")).toMatchObject({ reason: "rc.d/crypt.ts, serves crypt" });
  expect(plan.notes).toEqual([
    `library extra/legacy.so is not in ${join(directory, "root")} (optional, for rc.d/crypt.ts)`,
    "module absent is not in kernel 6.1 (optional, for rc.d/crypt.ts)",
  ]);
});

test("applets are links to busybox, and none stands beside a program of the same name", async () => {
  const plan = await planImage({ ...CONFIG, realroots: ["crypt"] }, facts);
  expect(find(plan, "usr/sbin/modprobe")).toMatchObject({ type: "link", target: "/usr/bin/busybox" });
  expect(find(plan, "usr/bin/opener")).toBeUndefined();
  expect(find(plan, "linuxrc")).toBeUndefined();
});

test("a script brings its interpreter, by its path and by env's search for it; one that is missing is an error", async () => {
  program("usr/bin/perl", "the real one");
  program("usr/bin/env", "the real one");
  program("usr/bin/direct", "#! /usr/bin/perl -w\n");
  program("usr/bin/searched", "#!/usr/bin/env -S LANG=C perl -w\n");
  program("usr/bin/applet", "#!/usr/bin/env mount\n");
  const plan = await planImage({ ...CONFIG, programs: ["direct"] }, facts);
  expect(find(plan, "usr/bin/perl")).toMatchObject({ reason: "interpreter of direct, programs: of the configuration" });
  expect(find(plan, "usr/bin/env")).toBeUndefined();
  const searched = await planImage({ ...CONFIG, programs: ["searched", "applet"] }, facts);
  expect(find(searched, "usr/bin/perl")).toMatchObject({ reason: "interpreter of searched, programs: of the configuration" });
  expect(find(searched, "usr/bin/env")).toMatchObject({ type: "file" });
  program("usr/bin/lost", "#!/usr/bin/env python9\n");
  await expect(planImage({ ...CONFIG, programs: ["lost"] }, facts)).rejects.toThrow(/finding the program python9 \(interpreter of lost, programs: of the configuration\)/);
});

test("keymaps of the configuration are packed, named for the boot, and need busybox's loadkmap", async () => {
  const keymap = join(directory, "mine.bmap.gz");
  copyFileSync(new URL("../../fixtures/keymaps/small.bmap.gz", import.meta.url), keymap);
  await expect(planImage({ ...CONFIG, keymaps: [keymap] }, facts)).rejects.toThrow("finding the program loadkmap (keymaps: of the configuration)");
  program("usr/bin/busybox", "#!/bin/sh\n[ $1 = --list-full ] && printf '%s\\n' bin/sh sbin/loadkmap\n");
  facts = { ...facts, memo: openFileMemo(join(directory, "another.json")) };
  const plan = await planImage({ ...CONFIG, keymaps: [keymap] }, facts);
  expect(find(plan, "usr/lib/mkinitrd/keymaps/mine.bmap")).toMatchObject({ reason: "keymaps: of the configuration" });
  expect(bootConfig(plan)).toMatchObject({ keymaps: ["mine"] });
  expect(bootConfig(await planImage(CONFIG, facts))).not.toHaveProperty("keymaps");
});

test("a script of another kind stays out, with its programs and modules", async () => {
  const plan = await planImage(CONFIG, facts);
  expect(find(plan, "usr/sbin/opener")).toBeUndefined();
  expect(find(plan, "usr/lib/mkinitrd/rc.d/crypt.js")).toBeUndefined();
  expect(find(plan, "usr/lib/modules/6.1/kernel/dm-crypt.ko")).toBeUndefined();
  expect(bootConfig(plan)).toMatchObject({ encrypted: false, kinds: { local: { script: "rc.d/local.js" } } });
});

test("the default spec brings the scripts of its kinds, and the image counts as encrypted", async () => {
  const plan = await planImage({ ...CONFIG, realroot: "crypt:afs:/dev/vda2:root" }, facts);
  expect(bootConfig(plan)).toMatchObject({
    encrypted: true,
    realroot: "crypt:afs:/dev/vda2:root",
    kinds: { crypt: { script: "rc.d/crypt.js", fields: ["device", "name", "options"], options: ["tries"], encrypted: true } },
    steps: [{ name: "devices", script: "rc.d/devices.js", require: [] }, { name: "unlock", script: "rc.d/unlock.js", require: ["devices"] }],
  });
});

test("loaded early is what scripts name, in order, and the root's filesystem, but no other one", async () => {
  expect(text(await planImage(CONFIG, facts), "etc/mkinitrd/modules")).toBe("bus\ndisk\n");
  const plan = await planImage({ ...CONFIG, realroot: "local:afs:/dev/vda2" }, facts);
  expect(text(plan, "etc/mkinitrd/modules")).toBe("bus\ndisk\nafs\n");
});

test("the module index is that of the kernel, without modules that are not packed", async () => {
  const plan = await planImage(CONFIG, facts);
  expect(text(plan, "usr/lib/modules/6.1/modules.dep")).toBe("kernel/fs/afs.ko:\nkernel/disk.ko: kernel/bus.ko\nkernel/bus.ko:\n");
  expect(text(plan, "usr/lib/modules/6.1/modules.alias")).toBe("alias fs-afs afs\nalias pci:x disk\n");
});

const hasXz = spawnSync("xz", ["--version"]).status === 0;

test.skipIf(!hasXz)("a module that lies compressed goes in unpacked, and the index names it so (skipped where xz is missing)", async () => {
  spawnSync("xz", [join(directory, "modules/kernel/disk.ko")]);
  writeFileSync(join(directory, "modules/modules.dep"), "kernel/disk.ko.xz: kernel/bus.ko\nkernel/bus.ko:\n");
  const plan = await planImage(CONFIG, { ...facts, modules: readModuleIndex(join(directory, "modules"), "6.1") });
  expect(find(plan, "usr/lib/modules/6.1/kernel/disk.ko")).toMatchObject({ from: { file: join(directory, "modules/kernel/disk.ko.xz"), decompress: "xz" } });
  expect(text(plan, "usr/lib/modules/6.1/modules.dep")).toBe("kernel/disk.ko: kernel/bus.ko\nkernel/bus.ko:\n");
});

test("the kernel finds its console, and bin and lib are links below usr", async () => {
  const plan = await planImage(CONFIG, facts);
  expect(find(plan, "dev/console")).toMatchObject({ type: "node", major: 5, minor: 1, mode: 0o600 });
  expect(find(plan, "bin")).toMatchObject({ type: "link", target: "usr/bin" });
  expect(find(plan, "init")).toMatchObject({ type: "file", mode: 0o755 });
});

test("the user's files, programs and modules come with their reasons", async () => {
  mkdirSync(join(directory, "keys/deep"), { recursive: true });
  writeFileSync(join(directory, "keys/deep/key"), "secret", { mode: 0o640 });
  symlinkSync("deep/key", join(directory, "keys/current"));
  const plan = await planImage({
    ...CONFIG, programs: ["opener"], modules: { set: "none", add: ["other"], omit: ["afs"] },
    files: [{ from: join(directory, "keys"), to: "/etc/keys", mode: 0o400 }, { from: join(directory, "init"), to: "etc/one" }],
  }, facts);
  expect(find(plan, "etc/keys/deep/key")).toMatchObject({ mode: 0o400, reason: "files: of the configuration" });
  expect(find(plan, "etc/keys/current")).toMatchObject({ type: "link", target: "deep/key", reason: "files: of the configuration" });
  expect(find(plan, "etc/one")).toMatchObject({ type: "file" });
  expect(find(plan, "usr/sbin/opener")).toMatchObject({ reason: "programs: of the configuration" });
  expect(find(plan, "usr/lib/modules/6.1/kernel/other.ko")).toMatchObject({ reason: "modules: of the configuration" });
  expect(find(plan, "usr/lib/modules/6.1/kernel/fs/afs.ko")).toBeUndefined();
});

test("a pattern or a directory packs modules that nothing loads early, and what is omitted of them stays out", async () => {
  const plan = await planImage({ ...CONFIG, modules: { set: "none", add: ["oth*", "fs/", "dm-*"], omit: ["dm_*"] } }, facts);
  expect(find(plan, "usr/lib/modules/6.1/kernel/other.ko")).toMatchObject({ reason: "modules: of the configuration" });
  expect(find(plan, "usr/lib/modules/6.1/kernel/fs/afs.ko")).toBeDefined();
  expect(find(plan, "usr/lib/modules/6.1/kernel/dm-crypt.ko")).toBeUndefined();
  expect(text(plan, "etc/mkinitrd/modules")).toBe("bus\ndisk\n");
});

test("what modprobe.d says of packed modules goes in; its install line of /bin/false keeps a module out", async () => {
  mkdirSync(join(directory, "root/etc/modprobe.d"), { recursive: true });
  writeFileSync(join(directory, "root/etc/modprobe.d/local.conf"), "options disk slow=1\ninstall afs /bin/false\nsoftdep disk pre: dm-crypt post: other\n");
  const plan = await planImage(CONFIG, facts);
  expect(text(plan, "etc/modprobe.d/mkinitrd.conf")).toBe("options disk slow=1\n");
  expect(find(plan, "usr/lib/modules/6.1/kernel/fs/afs.ko")).toBeUndefined();
  expect(text(plan, "etc/mkinitrd/modules")).toBe("bus\ndm_crypt\ndisk\nother\n");
  expect(text(plan, "usr/lib/modules/6.1/modules.alias")).toBe("alias pci:x other\nalias pci:x disk\nalias pci:x dm_crypt\nalias pci:y other\n");
  expect(plan.notes).toEqual(['module afs (optional, for rc.d/local.ts) stays out: "install afs /bin/false" in /etc/modprobe.d/local.conf']);
});

test("a link among the user's files is packed as it is: nothing that it leads to, within, without or in a circle", async () => {
  mkdirSync(join(directory, "tree/real"), { recursive: true });
  mkdirSync(join(directory, "outside"));
  writeFileSync(join(directory, "tree/real/f"), "x");
  writeFileSync(join(directory, "outside/private"), "secret");
  for (const [name, target] of [["within", "real"], ["without", "../outside"], ["circle", "."]] as const) symlinkSync(target, join(directory, "tree", name));
  const plan = await planImage({ ...CONFIG, files: [{ from: join(directory, "tree"), to: "/etc/tree" }] }, facts);
  const paths = plan.layers.flatMap(({ entries }) => entries).map(({ path }) => path);
  expect(paths.filter((path) => path.startsWith("etc/tree/"))).toEqual(["etc/tree/circle", "etc/tree/real", "etc/tree/real/f", "etc/tree/within", "etc/tree/without"]);
  expect(paths.filter((path) => /outside|private/.test(path))).toEqual([]);
});

test("an empty directory of the user's is in the image, too", async () => {
  mkdirSync(join(directory, "hooks/none.d"), { recursive: true, mode: 0o750 });
  const plan = await planImage({ ...CONFIG, files: [{ from: join(directory, "hooks"), to: "/etc/hooks" }, { from: join(directory, "hooks/none.d"), to: "/etc/none" }] }, facts);
  expect(find(plan, "etc/hooks/none.d")).toMatchObject({ type: "directory", mode: 0o750, reason: "files: of the configuration" });
  expect(find(plan, "etc/none")).toMatchObject({ type: "directory", mode: 0o750 });
});

test("what a script requires is not omitted, and a note says so; nor is a name that no module has", async () => {
  const plan = await planImage({ ...CONFIG, modules: { set: "generic", add: [], omit: ["disk", "afs", "othr", "zzzzzz", "snd*"] } }, facts);
  expect(find(plan, "usr/lib/modules/6.1/kernel/disk.ko")).toBeDefined();
  expect(find(plan, "usr/lib/modules/6.1/kernel/fs/afs.ko")).toBeUndefined();
  expect(plan.notes).toEqual([
    "module disk is to be omitted, but goes in: for rc.d/devices.ts",
    "module othr, which is to be omitted, is not in kernel 6.1: did you mean other?",
    "module zzzzzz, which is to be omitted, is not in kernel 6.1",
    "module snd*, which is to be omitted, is not in kernel 6.1",
  ]);
});

test.each([
  { what: "serves a kind of ours", name: "mine", header: "// KEYWORD: local\n// FIELDS: device", found: /rc\.d\/local\.ts and rc\.d\/mine\.ts both serve the realroot kind "local"\n  next: give yours another KEYWORD/ },
  { what: "has the name of one of ours", name: "unlock", header: "// KEYWORD: mine\n// FIELDS: device", found: /rc\.d\/unlock\.ts and rc\.d\/unlock\.ts would both be rc\.d\/unlock\.js in the image\n  next: give yours another file name/ },
])("a script that $what is an error", async ({ name, header, found }) => {
  facts.scripts.push({ ...script(name, header), origin: "configuration" });
  await expect(planImage(CONFIG, facts)).rejects.toThrow(found);
});

test("a script of the user's brings its kind along, and what that needs", async () => {
  facts.scripts.push({ ...script("net", "// KEYWORD: net\n// FIELDS: address options\n// OPTIONS: port\n// MODULES: other\n// ENCRYPTED: yes"), origin: "configuration" });
  const plan = await planImage({ ...CONFIG, realroot: "" }, facts);
  expect(plan.kinds).toEqual(["local", "net"]);
  expect(find(plan, "usr/lib/modules/6.1/kernel/other.ko")).toBeDefined();
  expect(JSON.parse(text(plan, "etc/mkinitrd/boot.json") ?? "")).toMatchObject({ encrypted: true, kinds: { net: { script: "rc.d/net.js", fields: ["address", "options"], options: ["port"] } } });
  expect(plan.layers.find(({ name }) => name === "site")?.entries.map(({ path }) => path)).toContain("usr/lib/mkinitrd/rc.d/net.js");
});

test("an image of named scripts has these and no others", async () => {
  const maker = { ...script("make-disk", "// REQUIRE: devices"), origin: "images" as const };
  facts.scripts.push(maker);
  const plan = await planImage({ ...CONFIG, realroots: [], onlyScripts: ["devices", "make-disk"] }, facts);
  expect(bootConfig(plan)).toMatchObject({ kinds: {}, steps: [{ name: "devices" }, { name: "make-disk", require: ["devices"] }] });
  expect(bootConfig(await planImage(CONFIG, facts))).toMatchObject({ steps: [{ name: "devices" }, { name: "unlock" }] });
});

describe("an error says what is missing and who wants it", () => {
  test.each<{ what: string; config?: Partial<ImageConfig>; change?: () => void; found: RegExp }>([
    { what: "program of a script", config: { realroots: ["crypt"] }, change: () => rmSync(join(directory, "root/usr/sbin/opener")), found: /./ },
    { what: "program of the configuration", config: { programs: ["lvm"] }, found: /finding the program lvm \(programs: of the configuration\).*\n  next: install it; on Debian: apt-get install lvm2/ },
    { what: "busybox", change: () => rmSync(join(directory, "root/usr/bin/busybox")), found: /finding the program busybox/ },
    { what: "module", config: { modules: { set: "none", add: ["dsk"], omit: [] } }, found: /finding the module dsk.*kernel 6.1 has no module.*\n  next: did you mean disk\?/ },
    { what: "file of a module", change: () => rmSync(join(directory, "modules/kernel/disk.ko")), found: /reading the kernel module on .*disk\.ko: no such file\n  next: install the kernel's package again/ },
    { what: "end of a module", change: () => writeFileSync(join(directory, "modules/kernel/disk.ko"), SMALL_ELF.subarray(0, 20)), found: /reading the kernel module on .*disk\.ko: it ends at byte \d+\n  next: install the kernel's package again/ },
    { what: "kind", config: { realroots: ["crpt"] }, found: /no script serves the realroot kind "crpt"; known: crypt, local\n  next: did you mean crypt\?/ },
    { what: "kind of the default spec", config: { realroot: "zfs:x:y" }, found: /zfs/ },
    { what: "path of our own", config: { files: [{ from: "/etc/hostname", to: "/etc/mkinitrd/manifest.json" }] }, found: /adding \/etc\/mkinitrd\/manifest\.json to the image on files: of the configuration: the image's own manifest has this path/ },
    { what: "file", config: { files: [{ from: "/no/such/file", to: "/x" }] }, found: /adding \/x to the image on \/no\/such\/file: no such file/ },
    { what: "content of a device", config: { files: [{ from: "/dev/zero", to: "/x" }] }, found: /adding \/x to the image on \/dev\/zero: it is neither a file nor a directory/ },
    { what: "boot program", change: () => rmSync(join(directory, "boot/boot.cjs")), found: /boot.cjs/ },
    { what: "script", config: { onlyScripts: ["devises"] }, found: /there is no script "devises"; known: crypt, devices, local, unlock/ },
  ])("missing $what", async ({ config, change, found }) => {
    change?.();
    if (found.source === ".") { // an applet of that name serves
      const plan = await planImage({ ...CONFIG, ...config }, facts);
      return expect(find(plan, "usr/bin/opener")).toMatchObject({ type: "link" });
    }
    await expect(planImage({ ...CONFIG, ...config }, facts)).rejects.toThrow(found);
  });
});

const hasCompiler = spawnSync("cc", ["--version"]).status === 0;

test.skipIf(!hasCompiler)("firmware that a packed module names goes in, what is absent is noted (skipped where cc is missing)", async () => {
  const code = '__attribute__((section(".modinfo"),used)) static const char a[] = "firmware=card/one.bin\\0firmware=card/two.bin\\0firmware=../../etc/shadow";';
  spawnSync("cc", ["-c", "-x", "c", "-", "-o", join(directory, "modules/kernel/disk.ko")], { input: code });
  mkdirSync(join(directory, "root/usr/lib/firmware/card"), { recursive: true });
  mkdirSync(join(directory, "root/lib"), { recursive: true });
  spawnSync("ln", ["-s", "../usr/lib/firmware", join(directory, "root/lib/firmware")]);
  writeFileSync(join(directory, "root/usr/lib/firmware/card/one.bin.xz"), "packed");
  const plan = await planImage(CONFIG, facts);
  expect(find(plan, "usr/lib/firmware/card/one.bin")).toMatchObject({ reason: "firmware of disk", type: "file", from: { decompress: "xz" } });
  expect(plan.notes).toEqual(["firmware that this machine does not have is left out, of: disk (2)"]);
});

/** The least that counts as an ELF file: a header without segments and sections. */
const SMALL_ELF = Buffer.alloc(64);
SMALL_ELF.write("\x7fELF\x02\x01", "latin1");
SMALL_ELF.writeUInt16LE(ownArchitecture().elfMachine, 18);

function script(name: string, header: string): ScriptFile {
  const source = `rc.d/${name}.ts`;
  return { name, source, header: parseHeader(header, source), from: { bytes: Buffer.from(header) }, origin: "rc.d" };
}

function program(path: string, content: string): void {
  writeFileSync(join(directory, "root", path), content);
  chmodSync(join(directory, "root", path), 0o755);
}

function find(plan: Plan, path: string): Entry | undefined {
  return plan.layers.flatMap(({ entries }) => entries).find((entry) => entry.path === path);
}

function text(plan: Plan, path: string): string | undefined {
  const entry = find(plan, path);
  return entry?.type === "file" && "bytes" in entry.from ? entry.from.bytes.toString() : undefined;
}

function bootConfig(plan: Plan): unknown {
  return JSON.parse(text(plan, "etc/mkinitrd/boot.json") ?? "null");
}
