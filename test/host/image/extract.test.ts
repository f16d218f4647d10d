import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { cpio, directory, DIRECTORY, file, FILE, link, NODE, type RawMember } from "./cpio.ts";
import { mkinitrd } from "./mkinitrd.ts";

let folder: string;
let image: string;
let target: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "extract-"));
  [image, target] = [join(folder, "initrd.img"), join(folder, "target")];
  mkdirSync(join(folder, "canary"));
  writeFileSync(join(folder, "canary/file"), "sings");
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

test("files, directories, links and hard links are written as the archive has them, for who extracts them", async () => {
  image_([
    directory(".", { mode: DIRECTORY | 0o700 }), directory("ro", { mode: DIRECTORY | 0o500 }), file("ro/a", "one", { inode: 5, links: 2, mode: FILE | 0o440, mtime: 86_400 }),
    file("ro/b", "", { inode: 5, links: 2, mode: FILE | 0o440, mtime: 86_400 }), link("l", "../../canary"), file("su", "x", { mode: FILE | 0o6755, uid: 1234, gid: 1234 }), file("no/parent", "y"),
  ]);
  expect(await extract()).toEqual({ code: 0, out: `${target}: 7 paths\n`, errors: 'warning: no/parent: the image has no directory "no": the kernel makes none by itself, and leaves this out\n' });
  expect(names()).toEqual(["l", "no", "no/parent", "ro", "ro/a", "ro/b", "su"]);
  expect(readFileSync(join(target, "ro/b"), "utf8")).toBe("one");
  expect(statSync(join(target, "ro/a")).ino).toBe(statSync(join(target, "ro/b")).ino);
  expect(statSync(join(target, "ro/a"))).toMatchObject({ mtimeMs: 86_400_000, mode: FILE | 0o440 });
  expect(statSync(join(target, "ro")).mode & 0o7777).toBe(0o500);
  expect(readlinkSync(join(target, "l"))).toBe("../../canary");
  expect(statSync(join(target, "su"))).toMatchObject({ mode: FILE | 0o755, uid: process.getuid?.() });
});

test.each<{ what: string; members: RawMember[]; found: RegExp }>([
  { what: "an absolute path", members: [file("/canary/new", "x")], found: /absolute path/ },
  { what: "a path with ..", members: [directory("a"), file("a/../../canary/file", "x")], found: /\.\. in it/ },
  { what: "a directory that is ..", members: [directory("..", { mode: DIRECTORY | 0o777 })], found: /\.\. in it/ },
  { what: "a file behind a link out", members: [link("a", "../canary"), file("a/file", "x")], found: /leads to "canary", which the image does not have|leads above the root/ },
  { what: "a file behind a link out to what the image has, too", members: [link("a", "../canary"), directory("canary"), file("a/file", "x")], found: /leads above the root/ },
  { what: "a link behind an absolute link", members: [link("a", "/tmp"), link("a/b", "x")], found: /leads to "tmp", which the image does not have/ },
  { what: "a file behind a link in another archive", members: [link("a", "../canary"), directory("b"), link("b/c", "../a"), file("b/c/file", "x")], found: /leads above the root|does not have/ },
  { what: "a path behind a circle of links", members: [link("a", "b"), link("b", "a"), file("a/x")], found: /links go in a circle/ },
])("$what: refused, and nothing is written", async ({ members, found }) => {
  image_([file("first", "good"), ...members]);
  const { code, errors } = await extract();
  expect(code).toBe(1);
  expect(errors).toMatch(found);
  expect(errors).toMatch(/nothing was written/);
  expect(readdirSync(folder).sort()).toEqual(["canary", "initrd.img"]);
});

test.each([
  { what: "cut off", bytes: () => cpio(file("a", "hello")).subarray(0, 115), found: /ends at byte 115/ },
  { what: "with a size that it does not have", bytes: () => cpio(file("a", "hello", { sizeBytes: 0xffff_fff0 })), found: /has 4294967280 bytes from byte 112 on, but the archive ends/ },
])("an archive $what: refused, and nothing is written", async ({ bytes, found }) => {
  writeFileSync(image, bytes());
  const { code, errors } = await extract();
  expect([code, errors]).toEqual([1, expect.stringMatching(found)]);
  expect(readdirSync(folder).sort()).toEqual(["canary", "initrd.img"]);
});

test("hard links in a circle, and a file that a link replaced, are left out with a word", async () => {
  const self = { inode: 7, links: 2 };
  image_([file("a", "1", self), file("a", "", self), file("b", "kept")]);
  const { code, errors } = await extract();
  expect([code, names()]).toEqual([0, ["b"]]);
  expect(errors).toBe("warning: a: it is a hard link to itself, or to what was replaced\n");
});

test("a link that the archive makes and then writes to is replaced, not followed", async () => {
  image_([link("file", "../canary/file"), file("file", "from the archive"), link("d", "../canary"), directory("d"), file("d/file", "below")]);
  expect((await extract()).code).toBe(0);
  expect(lstatSync(join(target, "file")).isFile()).toBe(true);
  expect(readFileSync(join(target, "d/file"), "utf8")).toBe("below");
});

test("a directory that holds something is refused; with --force its links are not followed either", async () => {
  image_([file("x", "new"), directory("d"), file("d/file", "mine")]);
  mkdirSync(target);
  symlinkSync("../canary/file", join(target, "x"));
  expect((await extract()).errors).toMatch(/holds something already\n {2}next: name an empty directory/);
  expect((await extract("--force")).code).toBe(0);
  expect(readFileSync(join(target, "x"), "utf8")).toBe("new");
  rmSync(join(target, "d"), { recursive: true });
  symlinkSync("../canary", join(target, "d"));
  const { code, errors } = await extract("--force");
  expect([code, errors]).toEqual([1, expect.stringMatching(/entering a directory on .*target\/d: a link or a file stands there/)]);
});

test("--force leaves the modes of directories that stand there, and gives those that it makes theirs", async () => {
  image_([directory("etc", { mode: DIRECTORY | 0o755, mtime: 86_400 }), directory("etc/keys", { mode: DIRECTORY | 0o750 }), file("etc/keys/a", "new")]);
  mkdirSync(join(target, "etc"), { recursive: true });
  chmodSync(join(target, "etc"), 0o700);
  expect((await extract("--force")).code).toBe(0);
  expect(["etc", "etc/keys"].map((path) => statSync(join(target, path)).mode & 0o7777)).toEqual([0o700, 0o750]);
  expect(statSync(join(target, "etc")).mtimeMs).not.toBe(86_400_000);
});

test("names with control characters reach the disk, and no terminal", async () => {
  image_([file("a\x1b[31mb\nc", "1"), { name: Buffer.from("lat\xefn", "latin1"), content: "2" }, link("back", "\x1b]0;title\x07")]);
  const { code, out, errors } = await extract();
  expect([code, /[\x00-\x09\x0b-\x1f]/.test(out + errors)]).toEqual([0, false]);
  expect(readdirSync(target, { encoding: "latin1" }).sort()).toEqual(["a\x1b[31mb\nc", "back", "lat\xefn"]);
});

test("only what is named is written, with the directories above it", async () => {
  image_([directory("a", { mode: DIRECTORY | 0o750 }), directory("a/b"), file("a/b/c.ko", "1"), file("a/d", "2"), file("e.ko", "3")]);
  expect((await extract("*.ko")).code).toBe(0);
  expect(names()).toEqual(["a", "a/b", "a/b/c.ko", "e.ko"]);
  expect((await extract("--force", "nothing")).errors).toMatch(/looking for "nothing" .*the image has no such path/);
});

test("devices are left out with a word", async () => {
  image_([directory("dev"), { name: "dev/sda", mode: 0o060660, major: 8, minor: 0 }, { name: "dev/null", mode: NODE | 0o666, major: 1, minor: 3 }, { name: "pipe", mode: 0o010600 }]);
  const { code, errors } = await extract();
  expect([code, names()]).toEqual([0, ["dev"]]);
  expect(errors).toBe("note: left out: 3 device nodes, pipes and sockets, of: dev/null, dev/sda, pipe\n");
});

test("who is not root is told that --devices and --preserve are not for them", async () => {
  image_([file("a")]);
  vi.spyOn(process as Required<typeof process>, "getuid").mockReturnValue(1000);
  for (const option of ["--devices", "--preserve"]) expect((await extract(option)).errors).toMatch(new RegExp(`on ${option}: only root can do that`));
});

const isRoot = process.getuid?.() === 0;

describe.skipIf(!isRoot)("as root (skipped otherwise)", () => {
  test("--preserve keeps owners and set-user-ID bits", async () => {
    image_([directory("d", { uid: 7, gid: 8 }), file("d/su", "x", { mode: FILE | 0o4755, uid: 12, gid: 34 })]);
    expect((await extract("--preserve")).code).toBe(0);
    expect(statSync(join(target, "d/su"))).toMatchObject({ mode: FILE | 0o4755, uid: 12, gid: 34 });
    expect(statSync(join(target, "d"))).toMatchObject({ uid: 7, gid: 8 });
  });

  const mayMakeNodes = isRoot && spawnSync("sh", ["-c", "d=$(mktemp -d) && mknod $d/n c 1 3; s=$?; rm -r $d; exit $s"]).status === 0;
  test.skipIf(!mayMakeNodes)("--devices makes nodes (skipped where root may not)", async () => {
    image_([{ name: "null", mode: NODE | 0o666, major: 1, minor: 3 }, { name: "pipe", mode: 0o010600 }, link("l", "null")]);
    expect((await extract("--devices")).code).toBe(0);
    expect(execFileSync("stat", ["-c", "%F %t:%T %a", join(target, "null"), join(target, "pipe")], { encoding: "utf8" })).toBe("character special file 1:3 666\nfifo 0:0 600\n");
  });
});

test("whatever an archive says, nothing outside of the directory changes", async () => {
  const name = fc.array(fc.constantFrom("a", "b", "..", ".", "canary", "", "file"), { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
  const member = fc.tuple(name, name, fc.nat(3), fc.nat(3)).map(([path, to, type, inode]): RawMember[] => {
    if (path === "" || to === "") return [];
    return [type === 0 ? directory(path) : type === 1 ? link(path, to) : file(path, to, type === 2 ? {} : { inode, links: 2 })];
  });
  await fc.assert(fc.asyncProperty(fc.array(member, { maxLength: 8 }), fc.boolean(), async (members, force) => {
    image_(members.flat());
    await extract(...(force ? ["--force"] : []));
    if (!force) rmSync(target, { recursive: true, force: true });
  }), { numRuns: 300 });
});

afterEach(() => {
  expect(readdirSync(join(folder, "canary"))).toEqual(["file"]);
  expect(readFileSync(join(folder, "canary/file"), "utf8")).toBe("sings");
  expect(readdirSync(folder).filter((name) => !["canary", "initrd.img", "target"].includes(name))).toEqual([]);
});

function image_(members: RawMember[]): void {
  writeFileSync(image, cpio(...members));
}

function names(): string[] {
  return readdirSync(target, { recursive: true, encoding: "utf8" }).sort();
}

async function extract(...words: string[]): Promise<{ code: number; out: string; errors: string }> {
  const { code, out, errors } = await mkinitrd("extract", image, "-C", target, ...words);
  return { code, out, errors };
}
