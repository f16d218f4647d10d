import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { readMachine } from "../../../src/host/plan/machine.ts";
import { moduleName, readModuleIndex } from "../../../src/host/plan/module-index.ts";
import { isModulePattern, matchModules, requireModules } from "../../../src/host/plan/module-patterns.ts";
import { genericModules, machineModules } from "../../../src/host/plan/module-sets.ts";
import { parseModprobeConfig } from "../../../src/host/plan/modprobe-config.ts";
import { applyModprobeConfig } from "../../../src/host/plan/modprobe-rules.ts";
import { resolveModules } from "../../../src/host/plan/modules.ts";
import { findTestKernels } from "./kernel.ts";

const kernels = findTestKernels();
afterAll(() => {
  for (const { root } of kernels) rmSync(root, { recursive: true });
});

if (kernels.length === 0) describe.skip("against modprobe on a real kernel (skipped: the cache has none, or depmod is missing)", () => test("", () => {}));

describe.each(kernels)("against modprobe on the kernel $release", ({ root, release, directory }) => {
  const index = readModuleIndex(directory, release);
  const sample = [...index.modules.keys()].filter((name, position) => position % 14 === 0 && name !== "btrfs");
  const NAMES = ["xfs", "dm-crypt", "dm_mod", "virtio_blk", "xts", "cifs", "raid456", "crypto-crc32c", "fs-vfat",
    "crypto-aes", "crypto-xts", "crypto-sha256", "virtio:d00000002v00001AF4", "ext4"];

  test.each([...NAMES, ...sample])("%s is loaded in modprobe's order", (name) => {
    const { modules } = resolveModules(index, [{ name, optional: false, reason: "the test" }]);
    expect(modules.map((module) => module.name)).toEqual(modprobe(name));
  });

  test("btrfs, which has several softdep lines, gets all of them where modprobe (kmod 30) takes the first", () => {
    const { modules } = resolveModules(index, [{ name: "btrfs", optional: false, reason: "the test" }]);
    const names = modules.map((module) => module.name);
    const theirs = modprobe("btrfs");
    expect(names.filter((name) => theirs.includes(name))).toEqual(theirs);
    expect(names).toContain("xxhash_generic");
  });

  function shown(name: string, conf: string): string {
    return spawnSync("modprobe", ["-d", root, "-S", release, "-C", conf, "--show-depends", name], { encoding: "utf8" }).stdout;
  }

  function modprobe(name: string, conf = "/dev/null"): string[] {
    const printed = shown(name, conf);
    return [...new Set([...printed.matchAll(/^insmod (\S+)/gm)].map(([, path]) => moduleName(path ?? "")))];
  }

  test.each([
    { what: "an alias", conf: "alias mydisk virtio-blk\nalias my?ther dm_crypt", names: ["mydisk", "myother"] },
    { what: "softdeps", conf: "softdep dm_crypt pre: virtio_blk \\\n post: nbd", names: ["dm_crypt"] },
    { what: "a blacklist, which is about aliases", conf: "blacklist virtio-blk", names: ["virtio:d00000002v00001AF4", "virtio_blk"] },
    { what: "an alias that takes the place of the kernel's own", conf: "alias virtio:d00000002v* nbd", names: ["virtio:d00000002v00001AF4"] },
  ])("$what of modprobe.d means what it means to modprobe", ({ conf, names }) => {
    const file = join(root, "test.conf");
    writeFileSync(file, `${conf}\n`);
    const ruled = applyModprobeConfig(index, parseModprobeConfig(readFileSync(file, "utf8"), file));
    for (const name of names) {
      const { modules } = resolveModules(ruled, [{ name, optional: true, reason: "the test" }]);
      expect(modules.map((module) => module.name)).toEqual(modprobe(name, file));
    }
  });

  test.skipIf(!existsSync("/sys/bus"))("the devices of this machine are driven by what modprobe finds for them (skipped where there is no sysfs)", () => {
    const { modaliases } = readMachine();
    expect(modaliases.length).toBeGreaterThan(0);
    const theirs = modaliases.map((alias) => spawnSync("modprobe", ["-d", root, "-S", release, "-C", "/dev/null", "--resolve-alias", alias], { encoding: "utf8" }).stdout.split("\n").filter((line) => line !== "").map(moduleName).sort());
    const modular = (alias: string) => index.lookUp(alias).filter((name) => index.modules.has(name)).sort();
    expect(modaliases.map(modular)).toEqual(theirs.map((names) => names.filter((name) => index.modules.has(name))));
  });

  test("what modprobe would not load for an install line of /bin/false, and what needs that, is gone", () => {
    const file = join(root, "test.conf");
    writeFileSync(file, "install dm-mod /bin/false\n");
    const ruled = applyModprobeConfig(index, parseModprobeConfig(readFileSync(file, "utf8"), file));
    const theirs = [...index.modules.keys()].filter((name) => name.startsWith("dm_")).filter((name) => shown(name, file).includes("install /bin/false"));
    expect([...ruled.forbidden!.keys()].filter((name) => name.startsWith("dm_")).sort()).toEqual(theirs.sort());
    expect(() => resolveModules(ruled, [{ name: "dm_crypt", optional: false, reason: "for rc.d/crypt.ts" }]))
      .toThrow(/packing the module dm_crypt \(for rc.d\/crypt.ts\).*: it may not be loaded: it needs dm_mod, and "install dm-mod \/bin\/false" in .*test.conf forbids that\n  next: take that line away/);
  });

  test("the generic set has what a disk of a virtual machine needs, and no network card", () => {
    const names = genericModules(index).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["virtio_blk", "dm_mod", "dm_crypt", "xts"]));
    expect(names).not.toContain("virtio_net");
  });
});

describe("on written index files", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "modules-"));
    write("modules.dep", "kernel/fs/a-fs.ko.xz: kernel/lib/c.ko.xz kernel/lib/b.ko.xz\nkernel/lib/b.ko.xz:\nkernel/lib/c.ko.xz: kernel/lib/b.ko.xz\n"
      + "kernel/lib/d.ko:\nkernel/drivers/ata/disk.ko:\nkernel/net/card.ko:\nkernel/lib/loop1.ko:\nkernel/lib/loop2.ko:\n");
    write("modules.softdep", "# comment\nsoftdep a_fs pre: d missing post: sums\nsoftdep loop1 pre: loop2\nsoftdep loop2 pre: loop1\n");
    write("modules.weakdep", "weakdep d card\n");
    write("modules.alias", "alias sums b\nalias pci:v00001AF4d0000[12]*bc*i-x* disk\nalias pci:v*bc02* card\nalias fs-afs a_fs\n");
    write("modules.builtin", "kernel/fs/ext4/ext4.ko\n");
    write("modules.builtin.modinfo", "ext4.license=GPL\0ext4.alias=fs-ext4\0");
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  test("each module keeps the chain of reasons that brought it in", () => {
    const { modules, weak } = resolve("a-fs");
    expect(modules.map(({ name, reason }) => [name, reason])).toEqual([
      ["b", "dependency of a_fs, for rc.d/x.ts"],
      ["c", "dependency of a_fs, for rc.d/x.ts"],
      ["d", "softdep of a_fs, for rc.d/x.ts"],
      ["a_fs", "for rc.d/x.ts"],
    ]);
    expect(weak.map(({ name, reason }) => [name, reason])).toEqual([["card", "weak dependency of d, softdep of a_fs, for rc.d/x.ts"]]);
  });

  test.each([
    { name: "fs-afs", found: ["b", "c", "d", "a_fs"] },
    { name: "fs-ext4", found: [] },
    { name: "ext4", found: [] },
    { name: "pci:v00001AF4d00002xbc01i-x1", found: ["disk"] },
    { name: "loop1", found: ["loop2", "loop1"] },
  ])("$name comes to $found", ({ name, found }) => {
    expect(resolve(name).modules.map((module) => module.name)).toEqual(found);
  });

  test("a required module that is missing names the kernel and the nearest name", () => {
    expect(() => resolve("a-fz")).toThrow(/finding the module a-fz \(for rc.d\/x.ts\) on .*: kernel 6.1 has no module.*\n  next: did you mean a_fs\?/);
  });

  test("an optional one that is missing is noted", () => {
    const { modules, notes } = resolveModules(index(), [{ name: "zz", optional: true, reason: "for rc.d/x.ts" }]);
    expect({ modules, notes }).toEqual({ modules: [], notes: ["module zz is not in kernel 6.1 (optional, for rc.d/x.ts)"] });
  });

  test("of a machine's devices only disks and the like count", () => {
    const wanted = machineModules(index(), { modaliases: ["pci:v00001AF4d00001xbc01i-x", "pci:v0bc02x"], filesystems: ["ext4"], drivers: [] });
    expect(wanted.map(({ name }) => name)).toEqual(["disk", "fs-ext4"]);
  });

  test("what the root lies on counts whatever it is, by the name of its driver or its modalias", () => {
    const wanted = machineModules(index(), { modaliases: [], filesystems: [], drivers: ["a_fs", "pci:v0bc02x", "usb:vFFFF"] });
    expect(wanted.map(({ name }) => name)).toEqual(["a_fs", "pci:v0bc02x"]);
    expect(resolveModules(index(), wanted).modules.map(({ name }) => name)).toContain("card");
  });

  test.each([
    { entry: "loop*", found: ["loop1", "loop2"] },
    { entry: "a-*", found: ["a_fs"] },
    { entry: "drivers/", found: ["disk"] },
    { entry: "kernel/drivers/ata/", found: ["disk"] },
    { entry: "*/ata", found: ["disk"] },
    { entry: "lib/[bc]", found: ["b", "c"] },
    { entry: "fs/a-fs.ko", found: ["a_fs"] },
  ])("the list entry $entry means $found", ({ entry, found }) => {
    expect(isModulePattern(entry)).toBe(true);
    expect(matchModules(index(), entry).sort()).toEqual(found);
  });

  test.each(["lo*p3", "drivers/at", "*/c.ko/x"])("the list entry %s, which means nothing, is an error", (entry) => {
    expect(matchModules(index(), entry)).toEqual([]);
    expect(() => requireModules(index(), entry)).toThrow(/finding the modules .* on .*: kernel 6.1 has none there\n  next: name a directory below kernel\//);
  });

  test.each(["modules.dep", "modules.alias"])("a directory without %s says how to make one", (name) => {
    rmSync(join(directory, name));
    expect(index).toThrow(new RegExp(`it has no ${name}\n  next: install the kernel, or index its modules: depmod$`));
  });

  test.each([
    { place: "srv/root/lib/modules/6.1", command: "depmod -b DIRECTORY/srv/root 6.1" },
    { place: "srv/root/usr/lib/modules/6.1", command: "depmod -b DIRECTORY/srv/root 6.1" },
    { place: "elsewhere/6.1", command: "depmod" },
  ])("the command that indexes $place is $command", ({ place, command }) => {
    expect(() => readModuleIndex(join(directory, place), "6.1")).toThrow(new RegExp(`: ${command.replace("DIRECTORY", directory)}$`));
  });

  function resolve(name: string) {
    return resolveModules(index(), [{ name, optional: false, reason: "for rc.d/x.ts" }]);
  }

  function index() {
    return readModuleIndex(directory, "6.1");
  }

  function write(name: string, text: string): void {
    writeFileSync(join(directory, name), text);
  }
});
