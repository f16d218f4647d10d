import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readImage } from "../../../src/host/image/read.ts";
import { imageTree } from "../../../src/host/image/tree.ts";
import type { ImageTree } from "../../../src/host/image/tree-types.ts";
import { cpio, directory, file, FILE, link, NODE, type RawMember } from "./cpio.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tree-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Of archives, each a list of members. */
async function tree(...archives: RawMember[][]): Promise<ImageTree> {
  const image = join(folder, "image");
  writeFileSync(image, Buffer.concat(archives.map((members) => cpio(...members))));
  return imageTree(await readImage(image), image);
}
const content = async ({ find }: ImageTree, path: string) => {
  const pieces: Buffer[] = [];
  for await (const piece of find(path)?.pieces() ?? []) pieces.push(piece);
  return Buffer.concat(pieces).toString();
};
const paths = ({ nodes }: ImageTree) => nodes.map(({ path }) => path);

test("a later archive's file of one path stands in for an earlier one's, in any spelling", async () => {
  const result = await tree([directory("."), directory("etc"), file("etc/a", "old", { mode: FILE | 0o600 })], [file("./etc//a", "new")]);
  expect(await content(result, "/etc/a")).toBe("new");
  expect(result.find("etc/a")).toMatchObject({ mode: 0o644, archive: 1, sizeBytes: 3 });
  expect(paths(result)).toEqual([".", "etc", "etc/a"]);
  expect(result.problems).toEqual([]);
});

test("a path behind a link goes where the link leads in the image, be it relative or absolute", async () => {
  const result = await tree(
    [directory("usr"), directory("usr/lib"), link("lib", "/usr/lib"), directory("a"), link("a/up", "../usr"), file("lib/x", "1")],
    [file("a/up/lib/y", "2"), link("lib/z", "x")],
  );
  expect(paths(result)).toEqual(["a", "a/up", "lib", "usr", "usr/lib", "usr/lib/x", "usr/lib/y", "usr/lib/z"]);
  expect(await content(result, "lib/z")).toBe("1");
  expect(result.at("lib/z")?.path).toBe("usr/lib/z");
  expect(result.at("usr/lib/z")).toMatchObject({ target: "x" });
});

test("members of one inode number are one file, of one archive only; its content is the last one's", async () => {
  const hard = (name: string, text = "") => file(name, text, { inode: 7, links: 2 });
  const result = await tree([hard("a"), hard("b", "both")], [hard("c", "another")]);
  expect(await content(result, "a")).toBe("both");
  expect([...(result.at("b")?.paths ?? [])]).toEqual(["a", "b"]);
  expect(result.at("a")?.sizeBytes).toBe(4);
  expect([...(result.at("c")?.paths ?? [])]).toEqual(["c"]);
});

test("hard links to themselves, and to what was replaced, are no files and no circle", async () => {
  const self = { inode: 7, links: 2 };
  const result = await tree([file("a", "1", self), file("a", "", self)], [file("b", "1", self), link("b", "c"), file("d", "", self)]);
  expect(paths(result)).toEqual(["b", "d"]); // both are the link that replaced b
  expect(result.at("d")?.target).toBe("c");
  expect(result.problems.map(({ path, found }) => `${path}: ${found}`)).toEqual(["a", "d"].map((path) => `${path}: it is a hard link to itself, or to what was replaced`));
});

test("one kind of thing stands in for another, but not for a directory that holds something", async () => {
  const result = await tree([directory("d"), file("d/x"), directory("e"), file("f"), link("l", "d")], [file("d"), file("e", "now a file"), directory("f"), file("l", "not through the link")]);
  expect(result.at("d")?.type).toBe("directory");
  expect(result.at("e")?.type).toBe("file");
  expect(result.at("f")?.type).toBe("directory");
  expect(result.at("l")).toMatchObject({ type: "file" });
  expect(result.problems).toMatchObject([{ path: "d", found: "a directory that holds something stands there already", escapes: false }]);
});

test("directories that no member makes are marked, and are made by a later one", async () => {
  const result = await tree([file("a/b/c", "1")], [directory("a", { mode: 0o040700 })]);
  expect(result.at("a")).toMatchObject({ mode: 0o700 });
  expect(result.at("a")?.implied).toBeUndefined();
  expect(result.at("a/b")?.implied).toBe(true);
  expect(result.problems).toEqual([{ path: "a/b/c", found: 'the image has no directory "a": the kernel makes none by itself, and leaves this out', escapes: false }]);
});

test.each<{ what: string; members: RawMember[]; found: RegExp; escapes?: false }>([
  { what: "an absolute path", members: [file("/etc/passwd")], found: /absolute path/ },
  { what: "a path with ..", members: [directory("a"), file("a/../../b")], found: /\.\. in it/ },
  { what: "a path that is ..", members: [directory("..")], found: /\.\. in it/ },
  { what: "a path behind a link to what the image does not have", members: [link("a", "/tmp/x"), file("a/b")], found: /the link "a", which it lies behind, leads to "tmp", which the image does not have/ },
  { what: "a path behind a link above the root", members: [link("a", "../../etc"), directory("etc"), file("a/b")], found: /the link "a", which it lies behind, leads above the root/ },
  { what: "a path behind links in a circle", members: [link("a", "b"), link("b", "a"), file("a/c")], found: /links go in a circle/ },
  { what: "a path behind a link to itself", members: [link("a", "a/a/a"), file("a/c")], found: /links go in a circle/ },
  { what: "a path below a file", members: [file("a"), file("a/c")], found: /"a" is no directory/, escapes: false },
  { what: "a path of many directories", members: [file("d/".repeat(300) + "x")], found: /more than 256 directories deep/, escapes: false },
])("$what is a problem, and where it leads out one for who extracts it", async ({ members, found, escapes = true }) => {
  const { problems } = await tree(members);
  expect(problems.find((problem) => found.test(problem.found))).toMatchObject({ escapes });
});

test("names that are no UTF-8 stay apart", async () => {
  const result = await tree([file("x", "0"), { name: Buffer.from("a\xff", "latin1") }, { name: Buffer.from("a\xfe", "latin1") }]);
  expect(result.nodes).toHaveLength(3);
});

test("devices keep their numbers, and set-user-ID bits stay", async () => {
  const { at } = await tree([{ name: "sda", mode: 0o060660, major: 8, minor: 1 }, { name: "null", mode: NODE | 0o666, major: 1, minor: 3 }, { name: "pipe", mode: 0o010600 }, file("su", "", { mode: FILE | 0o4755, uid: 5, gid: 6 })]);
  expect(at("sda")).toMatchObject({ type: "block", major: 8, minor: 1 });
  expect(at("null")).toMatchObject({ type: "node", major: 1, minor: 3 });
  expect(at("pipe")?.type).toBe("pipe");
  expect(at("su")).toMatchObject({ mode: 0o4755, uid: 5, gid: 6 });
});
