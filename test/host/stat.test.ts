import { expect, test } from "vitest";
import { isDirectory, statOf } from "../../src/host/stat.ts";

test.each(["/no/such/file", "/etc/passwd/below"])("nothing stands at %s", (path) => {
  expect(statOf(path)).toBeUndefined();
  expect(isDirectory(path)).toBe(false);
});

test("a link counts as what it leads to", () => {
  expect(isDirectory("/proc/self/cwd")).toBe(true);
});
