import { performance } from "node:perf_hooks";
import { expect, test } from "vitest";
import type { OpenedImage } from "../../../src/host/image/open.ts";
import { sizeTree } from "../../../src/host/image/size.ts";
import type { ImageNode } from "../../../src/host/image/tree-types.ts";

const node = (path: string, sizeBytes: number): ImageNode =>
  ({ path, type: "file", sizeBytes, mode: 0o644, uid: 0, gid: 0, mtime: 0, archive: 0, paths: new Set([path]), async *pieces() {} });
const image = (nodes: ImageNode[]) => ({ file: "initrd.img", archives: [{ packedBytes: 1, unpackedBytes: 2 }], tree: { nodes } }) as unknown as OpenedImage;

test("files of one name in two directories are parts of their own", () => {
  const tree = sizeTree(image([node("a/x", 1), node("b/x", 2), node("a/y", 4)]), undefined, "directory");
  expect(tree).toMatchObject({ bytes: 7, files: 3, parts: [{ bytes: 7, parts: [{ name: "a", bytes: 5, files: 2, parts: [{ name: "y" }, { name: "x", bytes: 1 }] }, { name: "b", bytes: 2, files: 1 }] }] });
});

test("a directory with very many files takes time by their number, not by its square", () => {
  const nodes = Array.from({ length: 100_000 }, (_, index) => node(`lib/${index}`, index));
  const beganMs = performance.now();
  expect(sizeTree(image(nodes), undefined, "directory").files).toBe(100_000);
  expect(performance.now() - beganMs).toBeLessThan(5000); // one by one among those before: 47 s
}, 120_000);
