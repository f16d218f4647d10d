import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findVmKernel } from "../../../src/host/qemu/vm-kernel.ts";
import { packageRoot } from "../../../src/host/package-root.ts";
import { cpio, directory, file, FILE, link, NODE } from "../image/cpio.ts";
import { mkinitrd } from "../image/mkinitrd.ts";

const isThere = (program: string) => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
const COMPRESSORS: Record<string, string[]> = {
  gzip: ["-c"], zstd: ["-q", "-c"], xz: ["--check=crc32", "-c"], lzma: ["-c"], lz4: ["-l", "-c"], bzip2: ["-c"], lzop: ["-c"],
};
const missing = ["cpio", "lsinitramfs", ...Object.keys(COMPRESSORS)].filter((program) => !isThere(program));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "listing-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe.skipIf(missing.length > 0)(`beside cpio and Debian's lsinitramfs and unmkinitramfs (skipped, not on this machine: ${missing.join(", ")})`, () => {
  let early: Buffer;
  let main: Buffer;
  beforeAll(() => {
    const root = join(folder, "root");
    for (const path of ["etc/keys", "usr/bin", "usr/lib", "empty"]) mkdirSync(join(root, path), { recursive: true });
    for (const [path, content] of Object.entries({ "etc/fstab": "none\n", "usr/bin/large": "0123456789".repeat(30_000), "usr/lib/wörld": "x", "etc/nothing": "" })) writeFileSync(join(root, path), content);
    for (const [path, target] of [["bin", "usr/bin"], ["usr/lib/abs", "/etc/fstab"], ["dangling", "nowhere"]]) symlinkSync(target!, join(root, path!));
    linkSync(join(root, "usr/bin/large"), join(root, "usr/bin/larger"));
    chmodSync(join(root, "usr/bin/large"), 0o4755);
    chmodSync(join(root, "etc/keys"), 0o1777);
    main = execFileSync("sh", ["-c", "find . | LC_ALL=C sort | cpio -o -H newc --quiet -R 7:9"], { cwd: root, maxBuffer: 1 << 26 });
    early = cpio(directory("kernel"), directory("kernel/x86"), directory("kernel/x86/microcode"), file("kernel/x86/microcode/AuthenticAMD.bin", "u".repeat(3000)));
  });

  test.each(Object.entries(COMPRESSORS))("microcode and an archive in %s: ls and extract give what Debian's programs give", async (program, args) => {
    const image = join(folder, `${program}.img`);
    writeFileSync(image, Buffer.concat([early, Buffer.alloc(-early.length & 511), execFileSync(program, args, { input: main, maxBuffer: 1 << 28 })]));
    const listed = execFileSync("lsinitramfs", [image], { encoding: "utf8" }).trim().split("\n");
    const { code, out, errors } = await mkinitrd("ls", image);
    expect([code, errors]).toEqual([0, ""]);
    expect(out.trim().split("\n").sort()).toEqual([...new Set(listed)].sort());
    const [theirs, ours] = [join(folder, `${program}.theirs`), join(folder, `${program}.ours`)];
    mkdirSync(theirs);
    execFileSync("unmkinitramfs", [image, theirs]);
    expect((await mkinitrd("extract", image, "-C", ours)).code).toBe(0);
    expect(tree(join(theirs, "main"), "./kernel")).toEqual(tree(ours, "./kernel"));
    expect(tree(join(theirs, "early/kernel"))).toEqual(tree(join(ours, "kernel")));
  });

  test("ls -l has what cpio -itv has", async () => {
    const image = join(folder, "long.img");
    const bytes = cpio(directory("d"), file("d/f", "hello", { mode: FILE | 0o4711, uid: 3, gid: 44, mtime: 1_700_000_000 }), link("d/l", "f"),
      file("h1", "", { inode: 9, links: 2 }), file("h2", "both", { inode: 9, links: 2 }), { name: "null", mode: NODE | 0o1666, major: 1, minor: 3 }, { name: "sda", mode: 0o060600, major: 8, minor: 17 });
    writeFileSync(image, bytes);
    const { out } = await mkinitrd("ls", "-l", image);
    const words = (line: string) => line.trim().replace(/,\s+/, ",").split(/\s+/);
    const theirs = execFileSync("cpio", ["-itv", "-n", "--quiet"], { input: bytes, encoding: "utf8" }).trim().split("\n").map(words);
    const row = ([mode, , uid, gid, size, ...rest]: string[]) => [mode, uid, gid, size, ...rest.slice(rest.indexOf("->") === -1 ? -1 : -3)];
    expect(out.trim().split("\n").map(words).map(row)).toEqual(theirs.map(([mode, links, uid, gid, size, ...rest]) => row([mode!, links!, uid!, gid!, rest.at(-1) === "h1" ? "4" : size!, ...rest])));
    expect(out).toContain("-rws--x--x 1 3 44     5 2023-11-14 22:13 d/f\n");
    expect(out).toMatch(/^-rw-r--r-- 2 .* h2$/m);
  });
});

const kernel = (() => {
  try {
    return findVmKernel();
  } catch {
    return undefined;
  }
})();
const isOwn = (program: string) => process.env["MKINITRD_TEST_ALL"] === "1" && process.getuid?.() === 0 && kernel !== undefined && isThere(program);

describe("what other tools build (skipped without MKINITRD_TEST_ALL=1, root, the tool, or the kernel of npm run setup)", () => {
  test.skipIf(!isOwn("mkinitramfs"))("initramfs-tools", async () => {
    const image = join(folder, "initramfs-tools.img");
    const boot = join(kernel!.image, "..");
    const script = 'mount -t overlay overlay -o "lowerdir=$1:/usr/lib" /usr/lib && mount --bind "$2" /boot && mkinitramfs -o "$3" "$4"';
    execFileSync("unshare", ["--mount", "sh", "-c", script, "sh", join(kernel!.modulesDirectory, ".."), boot, image, kernel!.release], { stdio: "pipe" });
    await compare(image);
  }, 300_000);

  test.skipIf(!isOwn("dracut"))("dracut", async () => {
    const image = join(folder, "dracut.img");
    const modules = join(kernel!.modulesDirectory, kernel!.release);
    execFileSync("dracut", ["--no-hostonly", "--no-hostonly-cmdline", "--kmoddir", modules, "--kver", kernel!.release, "--tmpdir", folder, "--force", image], { stdio: "pipe" });
    await compare(image);
  }, 300_000);

  async function compare(image: string): Promise<void> {
    const [theirs, ours] = [`${image}.theirs`, `${image}.ours`];
    const listed = execFileSync("lsinitramfs", [image], { encoding: "utf8", maxBuffer: 1 << 26 }).trim().split("\n");
    expect((await mkinitrd("ls", image)).out.trim().split("\n").sort()).toEqual([...new Set(listed)].sort());
    mkdirSync(theirs);
    execFileSync("unmkinitramfs", [image, theirs]);
    expect((await mkinitrd("extract", image, "-C", ours)).code).toBe(0);
    expect(tree(ours)).toEqual(tree(theirs));
    expect(spawnSync("diff", ["-r", "--no-dereference", "--brief", "--exclude=dev", theirs, ours], { encoding: "utf8" }).stdout).toBe("");
  }
});

/** Path, type, permission bits, size, target and time of files below a directory; device nodes and set-ID bits are left to other tests. */
function tree(root: string, ...without: string[]): string[] {
  const prune = without.flatMap((path) => ["-path", path, "-prune", "-o"]);
  const lines = execFileSync("find", [".", ...prune, "(", "-type", "d", "-printf", "%p d\n", "-o", "-type", "f", "-printf", "%p f %m %s %Ts\n", "-o", "-type", "l", "-printf", "%p l %l\n", ")"], { cwd: root, encoding: "utf8", maxBuffer: 1 << 26 });
  return lines.trim().split("\n").map((line) => line.replace(/ f [2-6](\d{3}) /, " f $1 ")).sort();
}

describe("the words of ls and cat", () => {
  let image: string;
  beforeAll(() => {
    image = join(folder, "own.img");
    writeFileSync(image, Buffer.concat([
      cpio(directory("."), directory("usr"), directory("usr/lib"), link("lib", "/usr/lib"), file("lib/a.ko", "module a"), file("usr/lib/b.ko.xz"), link("etc", "usr/etc")),
      cpio(directory("x"), link("x/up", "../../../lib/a.ko"), link("loop", "loop"), file("esc\x1b[0m\n"), file("new/deep/c.ko"), link("gone", "no/where"), { name: "tty", mode: NODE }),
    ]));
  });

  test.each([
    { words: ["*.ko"], names: ["new/deep/c.ko", "usr/lib/a.ko"] },
    { words: ["usr/lib"], names: ["usr/lib", "usr/lib/a.ko", "usr/lib/b.ko.xz"] },
    { words: ["/usr/lib/"], names: ["usr/lib", "usr/lib/a.ko", "usr/lib/b.ko.xz"] },
    { words: ["usr/*/*.ko"], names: ["usr/lib/a.ko"] },
    { words: ["**/c.ko", "lib"], names: ["lib", "new/deep/c.ko", "usr/lib", "usr/lib/a.ko", "usr/lib/b.ko.xz"].filter((name) => !name.startsWith("usr")) },
    { words: ["esc*"], names: ["esc?[0m?"] },
  ])("ls IMAGE $words", async ({ words, names }) => {
    expect((await mkinitrd("ls", image, ...words)).out.trim().split("\n")).toEqual(names);
  });

  test("ls --json has a path's type, mode, archive and target", async () => {
    expect(JSON.parse((await mkinitrd("ls", "--json", image, "x")).out)).toEqual([
      { path: "x", type: "directory", mode: "0755", uid: 0, gid: 0, mtime: 1, sizeBytes: 0, archive: 1 },
      { path: "x/up", type: "link", mode: "0777", uid: 0, gid: 0, mtime: 1, sizeBytes: 17, archive: 1, target: "../../../lib/a.ko" },
    ]);
  });

  test("cat follows links as in the booted image", async () => {
    for (const path of ["lib/a.ko", "/usr/lib/a.ko", "x/up"]) expect((await mkinitrd("cat", image, path)).out).toBe("module a");
    expect((await mkinitrd("cat", image, "lib/a.ko", "x/up")).out).toBe("module amodule a");
  });

  test.each([
    { path: "usr/lib/a.k", found: /the image has no such path\n {2}next: did you mean "usr\/lib\/a.ko"\?/ },
    { path: "usr", found: /it is a directory/ },
    { path: "tty", found: /it is a device/ },
    { path: "gone", found: /a link to "no\/where", which leads to nothing/ },
    { path: "loop", found: /a link to "loop", which leads to nothing/ },
  ])("cat $path is a clear error", async ({ path, found }) => {
    const { code, out, errors } = await mkinitrd("cat", image, path);
    expect([code, out, errors]).toEqual([1, "", expect.stringMatching(found)]);
  });

  test("the example of docs/image.md is what is printed", async () => {
    const [, example = ""] = /```\n(\$ mkinitrd ls[^]*?)```/.exec(readFileSync(join(packageRoot(), "docs/image.md"), "utf8")) ?? [];
    const at = { mtime: 0 };
    const modules = ["usr", "usr/lib", "usr/lib/modules", "usr/lib/modules/6.1.0-32-amd64"];
    writeFileSync(join(folder, "initrd.img"), cpio(directory("etc", at), file("etc/crypttab", "root UUID=9f none\n", { ...at, mode: FILE | 0o600 }),
      { ...link("etc/mtab", "/proc/self/mounts"), ...at }, ...modules.map((path) => directory(path, at)), file(`${modules.at(-1)}/dm-mod.ko`, "not a module.", at), file("init", "", at)));
    let printed = "";
    for (const [, line = ""] of example.matchAll(/^\$ mkinitrd (.*)$/gm)) {
      const words = line.split(" ").map((word) => word.replace(/^'(.*)'$/, "$1").replace(/^(initrd\.img|unpacked)$/, `${folder}/$1`));
      printed += `$ mkinitrd ${line}\n${(await mkinitrd(...words)).out.replace(`${folder}/`, "")}`;
    }
    expect(printed).toBe(example);
  });

  test("the output of cat is the file's bytes", async () => {
    const bytes = readFileSync(process.execPath).subarray(0, 3_000_000);
    const binary = join(folder, "binary.img");
    writeFileSync(binary, cpio({ name: "node", content: bytes }));
    expect((await mkinitrd("cat", binary, "node")).bytes.equals(bytes)).toBe(true);
  });
});
