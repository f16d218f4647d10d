import { expect, test } from "vitest";
import { rootKey } from "../../../src/host/qemu/root-archive.ts";

test("a root's directory starts at the folder of the recipe", () => {
  expect(rootKey({ kind: "directory", path: "self/cwd/" }, "/proc")).toBe("/proc/self/cwd");
});

test.each([
  { path: "none", found: /reading a root's files on \/etc\/none: no such directory\n  next: correct root: in the recipe/ },
  { path: "passwd", found: /reading a root's files on \/etc\/passwd: it is no directory/ },
])("a root's directory that is none is an error: $path", ({ path, found }) => {
  expect(() => rootKey({ kind: "directory", path }, "/etc")).toThrow(found);
});

test("two busyboxes make two roots; a sysroot without one is an error", () => {
  const root = { kind: "busybox" as const, part: "whole" as const, fstab: "" };
  expect(rootKey({ ...root, sysroot: "/" }, "/")).not.toBe(rootKey(root, "/"));
  expect(() => rootKey({ ...root, sysroot: "sys" }, "/")).toThrow(/making a root of busybox on \/sys: it has no busybox/);
});
