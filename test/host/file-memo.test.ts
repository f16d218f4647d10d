import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openFileMemo } from "../../src/host/file-memo.ts";

let directory: string;
let file: string;
let memoFile: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "memo-"));
  file = join(directory, "file");
  memoFile = join(directory, "cache/memo.json");
  writeFileSync(file, "content");
  vi.useFakeTimers({ now: Date.now() + 60_000, toFake: ["Date"] }); // the file is old enough to be remembered
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(directory, { recursive: true });
});

test("a file that is the same is not looked at again, by this process or a later one", async () => {
  expect(await remember("first")).toBe("first");
  expect(await remember("second")).toBe("first");
});

test.each([
  { what: "size", change: () => writeFileSync(file, "longer content") },
  { what: "time", change: () => utimesSync(file, 5, 5) },
])("a file whose $what changed is looked at again", async ({ change }) => {
  await remember("first");
  change();
  expect(await remember("second")).toBe("second");
});

test.each([
  { what: "a byte is another one", damage: (text: string) => text.replace("first", "fierce") },
  { what: "its end is missing", damage: (text: string) => text.slice(0, -5) },
  { what: "it is of the form that an older version wrote", damage: (text: string) => text.slice(text.indexOf("\n") + 1) },
  { what: "it is no JSON", damage: () => "00000000\n{" },
])("a memo is an empty one when $what", async ({ damage }) => {
  await remember("first");
  writeFileSync(memoFile, damage(readFileSync(memoFile, "utf8")));
  expect(await remember("second")).toBe("second");
});

test("a file that changed a moment ago is not remembered: it may change again unseen", async () => {
  vi.setSystemTime(Date.now() - 60_000);
  await remember("first");
  expect(await remember("second")).toBe("second");
});

test.each(["", "{", "null", "[1]", '{"sha256\\u0000x": 5}'])("a damaged memo (%s) is an empty one", async (text) => {
  await remember("first");
  writeFileSync(memoFile, text);
  expect(await remember("second")).toBe("second");
});

test("two at once keep what both found, and leave no other file", async () => {
  const [one, two] = [openFileMemo(memoFile), openFileMemo(memoFile)];
  await one.get(file, "a", async () => "one");
  await two.get(file, "b", async () => "two");
  one.save();
  two.save();
  const later = openFileMemo(memoFile);
  expect(await later.get(file, "a", async () => "again")).toBe("one");
  expect(await later.get(file, "b", async () => "again")).toBe("two");
  expect(readdirSync(join(directory, "cache"))).toEqual(["memo.json"]);
});

test("asked twice at once it computes once", async () => {
  const compute = vi.fn(async () => "value");
  const memo = openFileMemo(memoFile);
  await Promise.all([memo.get(file, "a", compute), memo.get(file, "a", compute)]);
  expect(compute).toHaveBeenCalledTimes(1);
});

/** As one process would: open, ask, save. */
async function remember(value: string): Promise<string> {
  const memo = openFileMemo(memoFile);
  const result = await memo.get(file, "sha256", async () => value);
  memo.save();
  return result;
}
