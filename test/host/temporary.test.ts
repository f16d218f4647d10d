import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { withTemporary, withTemporaryDirectory } from "../../src/host/temporary.ts";

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "temporary-"));
  path = join(directory, "aside");
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

test("what was renamed stays", async () => {
  expect(await withTemporary(path, async () => {
    writeFileSync(path, "");
    renameSync(path, `${path}.done`);
    return 7;
  })).toBe(7);
  expect(existsSync(`${path}.done`)).toBe(true);
});

test("what an error leaves is removed, and nobody listens for signals afterwards", async () => {
  const listeners = process.listenerCount("SIGINT");
  await expect(withTemporary(path, async () => {
    mkdirSync(join(path, "below"), { recursive: true });
    throw new Error("the reason");
  })).rejects.toThrow("the reason");
  expect(existsSync(path)).toBe(false);
  expect(process.listenerCount("SIGINT")).toBe(listeners);
});

test("many at once listen once", async () => {
  const before = process.listenerCount("SIGINT");
  const uses = Array.from({ length: 20 }, (_, i) => withTemporary(`${path}${i}`, () => new Promise<void>((resolve) => setTimeout(resolve, 20))));
  expect(process.listenerCount("SIGINT")).toBe(before + 1);
  await Promise.all(uses);
  expect(process.listenerCount("SIGINT")).toBe(before);
});

test("a path that can't be removed does not hide the error", async () => {
  await expect(withTemporary("/dev/null/x", async () => { throw new Error("the reason"); })).rejects.toThrow("the reason");
});

test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("%s removes all that is under way, and ends the process by that signal", async (signal) => {
  const script = `
    import { writeFileSync } from "node:fs";
    import { withTemporary } from ${JSON.stringify(join(import.meta.dirname, "../../src/host/temporary.ts"))};
    const [outer, inner] = ${JSON.stringify([path, `${path}.inner`])};
    withTemporary(outer, () => withTemporary(inner, async () => {
      for (const file of [outer, inner]) writeFileSync(file, "");
      console.log("ready");
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    }));`;
  const child = spawn(process.execPath, ["--no-warnings", "--input-type=module-typescript", "--eval", script], { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  expect(existsSync(path)).toBe(true);
  const ended = new Promise((resolve) => child.once("exit", (_code, by) => resolve(by)));
  child.kill(signal);
  expect(await ended).toBe(signal);
  expect([path, `${path}.inner`].filter((file) => existsSync(file))).toEqual([]);
});

test("a temporary directory is there while it is used", async () => {
  const used = await withTemporaryDirectory("test", async (own) => {
    writeFileSync(join(own, "file"), "");
    return own;
  });
  expect(existsSync(used)).toBe(false);
});

test("no place for temporary directories is a clear error", async () => {
  vi.stubEnv("TMPDIR", join(directory, "none"));
  await expect(withTemporaryDirectory("test", async () => {})).rejects.toThrow(/making a temporary directory on .*none: no such file\n  next: name another place: TMPDIR/);
});
