import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { cacheDirectory, makeCacheDirectory } from "../../src/host/cache.ts";

let directory: string;
beforeEach(() => { directory = mkdtempSync(join(tmpdir(), "cache-")); });
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

test.each([
  { variables: { MKINITRD_CACHE: "/c", XDG_CACHE_HOME: "/x" }, cache: "/c" },
  { variables: { MKINITRD_CACHE: "c", XDG_CACHE_HOME: "/x" }, cache: join(process.cwd(), "c") },
  { variables: { MKINITRD_CACHE: "", XDG_CACHE_HOME: "/x" }, cache: "/x/mkinitrd" },
  { variables: { MKINITRD_CACHE: undefined, XDG_CACHE_HOME: "x", HOME: "/h" }, cache: "/h/.cache/mkinitrd" },
])("with $variables the cache is $cache", ({ variables, cache }) => {
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  expect(cacheDirectory("layers")).toBe(join(cache, "layers"));
});

test("a directory of the cache is made with its parents, for its owner only", () => {
  makeCacheDirectory(join(directory, "a/b/c"));
  makeCacheDirectory(join(directory, "a/b/c"));
  expect(statSync(join(directory, "a/b")).mode & 0o777).toBe(0o700);
});

test.each([
  { what: "below a file", path: "file/layers", found: /^keeping what was built on .*file\/layers: a part of the path is no directory\n  next: .*MKINITRD_CACHE=DIRECTORY$/ },
  { what: "below /proc, where Node's own recursive mkdir hangs", path: "/proc/mkinitrd/layers", found: /keeping what was built on \/proc\/mkinitrd\/layers: no such file/ },
])("a cache $what is an error that says how to name another", ({ path, found }) => {
  writeFileSync(join(directory, "file"), "");
  expect(() => makeCacheDirectory(path.startsWith("/") ? path : join(directory, path))).toThrow(found);
});
