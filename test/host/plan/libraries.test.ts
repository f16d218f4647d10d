import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { ARCHITECTURES, ownArchitecture } from "../../../src/host/architecture.ts";
import { withFile } from "../../../src/host/plan/file-source.ts";
import { probeElf } from "../../../src/core/formats/elf.ts";
import { libraryFinder } from "../../../src/host/plan/libraries.ts";
import { openSysroot } from "../../../src/host/plan/sysroot.ts";
import type { Entry } from "../../../src/host/plan/types.ts";
import { elfHead } from "../elf-head.ts";

const hasLdd = spawnSync("ldd", ["--version"]).status === 0;
const PROGRAMS = programs();

describe.skipIf(!hasLdd)("against ldd (skipped where ldd is missing)", () => {
  const finder = libraryFinder(openSysroot("/"), { file: process.execPath });

  test.each(PROGRAMS)("%s needs the libraries that ldd says", async (program) => {
    const entries = await finder.needs({ path: realpathSync(program), file: realpathSync(program) }, "the test");
    expect(files(entries)).toEqual(lddFiles(program));
  });

  test("a library comes with the link that its soname is", async () => {
    const entries = await finder.needs({ path: "/usr/bin/node", file: process.execPath }, "the test");
    const file = entries.find(({ path }) => /libstdc\+\+\.so\.6\.\d/.test(path));
    const link = entries.find(({ path }) => path.endsWith("/libstdc++.so.6"));
    expect(file).toMatchObject({ type: "file", reason: "libstdc++.so.6, for the test" });
    expect(link).toMatchObject({ type: "link", path: join(dirname(file?.path ?? ""), "libstdc++.so.6") });
  });

  test("a file that is dlopened is found below the library directories, with its own needs", async () => {
    const entries = await finder.find("libgcc_s.so.1", "for rc.d/crypt.ts");
    expect(entries?.[0]).toMatchObject({ type: "file", reason: "libgcc_s.so.1, for rc.d/crypt.ts" });
    expect(entries?.some(({ path }) => path.endsWith("libc.so.6"))).toBe(true);
    expect(await finder.find("no-such-library.so.9", "x")).toBeUndefined();
  });
});

const hasCompiler = spawnSync("cc", ["--version"]).status === 0;

describe.skipIf(!hasCompiler)("in a sysroot (skipped where cc is missing)", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "sysroot-"));
    for (const directory of ["usr/bin", "usr/lib", "opt/app/lib", "opt/other", "etc"]) mkdirSync(join(root, directory), { recursive: true });
    symlinkSync("usr/bin", join(root, "bin"));
    symlinkSync("usr/lib", join(root, "lib"));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  test("$ORIGIN leads to libraries beside the program, through links", async () => {
    library("opt/app/lib/libone.so.1.2", "libone.so.1");
    symlinkSync("libone.so.1.2", join(root, "opt/app/lib/libone.so.1"));
    program("opt/app/prog", ["opt/app/lib/libone.so.1.2"], ["-Wl,-rpath,$ORIGIN/lib"]);
    expect(paths(await needs("opt/app/prog"))).toEqual(["opt/app/lib/libone.so.1", "opt/app/lib/libone.so.1.2"]);
  });

  test("a library that only ld.so.conf finds gets a link where the linker looks without its cache", async () => {
    library("opt/other/libtwo.so", "libtwo.so");
    writeFileSync(join(root, "etc/ld.so.conf"), "# a comment\ninclude /etc/ld.so.conf.d/*.conf\n");
    mkdirSync(join(root, "etc/ld.so.conf.d"));
    writeFileSync(join(root, "etc/ld.so.conf.d/other.conf"), "/opt/other # ours\n");
    program("usr/bin/prog", ["opt/other/libtwo.so"], []);
    const entries = await needs("bin/prog");
    expect(paths(entries)).toEqual(["opt/other/libtwo.so", "usr/lib/libtwo.so"]);
    expect(entries.find(({ path }) => path === "usr/lib/libtwo.so")).toMatchObject({ type: "link", target: "/opt/other/libtwo.so" });
  });

  test("a library of another machine is passed over", async () => {
    library("opt/other/libtwo.so", "libtwo.so");
    program("usr/bin/prog", ["opt/other/libtwo.so"], ["-Wl,-rpath,/opt/app/lib:/opt/other"]);
    copyFileSync(join(root, "opt/other/libtwo.so"), join(root, "opt/app/lib/libtwo.so"));
    flipMachine(join(root, "opt/app/lib/libtwo.so"));
    expect(paths(await needs("usr/bin/prog"))).toEqual(["opt/other/libtwo.so"]);
  });

  test("a missing library names itself and who needs it", async () => {
    library("opt/other/libtwo.so", "libtwo.so");
    program("usr/bin/prog", ["opt/other/libtwo.so"], []);
    await expect(needs("usr/bin/prog")).rejects.toThrow(/libraries of \/usr\/bin\/prog on .*: libtwo.so is missing.*as the test/);
  });

  function library(path: string, soname: string): void {
    compile(["-shared", "-fPIC", `-Wl,-soname,${soname}`, "-o", join(root, path)], "int answer(void) { return 42; }");
  }

  function program(path: string, libraries: string[], flags: string[]): void {
    const files = libraries.map((each) => join(root, each));
    compile(["-o", join(root, path), "-nostdlib", "-Wl,--allow-shlib-undefined", "-Wl,--dynamic-linker,", "-shared", ...flags, "-x", "c", "-", "-x", "none", ...files], "extern int answer(void); int start(void) { return answer(); }");
  }

  function compile(args: string[], code: string): void {
    const input = args.includes("-") ? args : [...args, "-nostdlib", "-x", "c", "-"];
    execFileSync("cc", input, { input: code });
  }

  function needs(path: string): Promise<Entry[]> {
    const sysroot = openSysroot(root);
    const found = sysroot.find(`/${path}`);
    if (found === undefined) throw new Error(`${path} is missing`);
    return libraryFinder(sysroot, found).needs(found, "the test");
  }
});

test("a file that is no ELF file has no libraries", async () => {
  expect(await withFile(import.meta.filename, probeElf)).toBeUndefined();
});

function flipMachine(path: string): void {
  spawnSync("dd", [`of=${path}`, "bs=1", "seek=18", "conv=notrunc"], { input: Buffer.from([183]) });
}

function paths(entries: Entry[]): string[] {
  return entries.map(({ path }) => path).sort();
}

/** Real files of the build machine that entries come from. */
function files(entries: Entry[]): string[] {
  const names = entries.flatMap((entry) => entry.type === "file" && "file" in entry.from ? [realpathSync(entry.from.file)] : []);
  return [...new Set(names)].sort();
}

function lddFiles(program: string): string[] {
  const { stdout } = spawnSync("ldd", [program], { encoding: "utf8" });
  const found = stdout.split("\n").flatMap((line) => /(?:=> )?(\/\S+) \(0x/.exec(line)?.[1] ?? []);
  return [...new Set(found.map((path) => realpathSync(path)))].sort();
}

/** Dynamic programs of this machine that an initrd may carry, and a few big ones. */
function programs(): string[] {
  const wanted = /^(cryptsetup|lvm|dmsetup|blkid|mount|mkfs\.\w+|xfs_repair|btrfs|e2fsck|kmod|zstd|xz|python3|git|perl|bash|ssh|curl|node|udevadm|systemctl|gdb|qemu-img)$/;
  return ["/usr/bin", "/usr/sbin"].flatMap((directory) => readdirSync(directory).filter((name) => wanted.test(name)).map((name) => join(directory, name)))
    .filter((path) => spawnSync("ldd", [path]).status === 0);
}

test("a program of another architecture is refused, whatever needs it", async () => {
  const root = mkdtempSync(join(tmpdir(), "sysroot-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const other = ownArchitecture().name === "x86_64" ? ARCHITECTURES.aarch64 : ARCHITECTURES.x86_64;
  writeFileSync(join(root, "lvm"), elfHead(other.elfMachine), { mode: 0o755 });
  const finder = libraryFinder(openSysroot(root), { file: process.execPath });
  await expect(finder.needs({ path: "/lvm", file: join(root, "lvm") }, "for rc.d/lvm.ts")).rejects.toThrow(
    `packing /lvm (for rc.d/lvm.ts) on ${root}: it is a program for ${other.name}, and the runtime is for ${ownArchitecture().name}\n  next: unpack the package for that architecture there`,
  );
});

test("a 32-bit program of the same family is none of another architecture", async () => {
  const root = mkdtempSync(join(tmpdir(), "sysroot-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const head = Buffer.alloc(64);
  elfHead(ownArchitecture().elfMachine32).copy(head);
  head[4] = 1; // ELFCLASS32
  writeFileSync(join(root, "old"), head, { mode: 0o755 });
  await expect(libraryFinder(openSysroot(root), { file: process.execPath }).needs({ path: "/old", file: join(root, "old") }, "x")).resolves.toEqual([]);
});
