import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readText } from "../../src/host/read-text.ts";

let directory: string;
beforeEach(() => { directory = mkdtempSync(join(tmpdir(), "text-")); });
afterEach(() => rmSync(directory, { recursive: true }));

test("a text is read to its end", () => {
  writeFileSync(join(directory, "a"), "ä\n".repeat(1000));
  expect(readText(join(directory, "a"), { tried: "reading" })).toBe("ä\n".repeat(1000));
});

test("a pipe is read to its end", () => {
  const pipe = join(directory, "pipe");
  execFileSync("mkfifo", [pipe]);
  spawn("sh", ["-c", 'exec > "$0"; printf one; sleep 0.1; printf two', pipe], { stdio: "ignore" });
  expect(readText(pipe, { tried: "reading" })).toBe("onetwo");
});

test("a pipe that nobody writes to is refused", () => {
  const pipe = join(directory, "pipe");
  execFileSync("mkfifo", [pipe]);
  expect(() => readText(pipe, { tried: "reading a text" })).toThrow(`reading a text on ${pipe}: it is a pipe, and nobody wrote to it within 2 s`);
});

test("what a shell's <(…) is gets read, also when it comes late", () => {
  const script = join(directory, "read.mjs");
  writeFileSync(script, `import { readText } from ${JSON.stringify(join(import.meta.dirname, "../../src/host/read-text.ts"))};\nprocess.stdout.write(readText(process.argv[2], { tried: "reading" }));\n`);
  expect(execFileSync("bash", ["-c", '"$0" --no-warnings "$1" <(sleep 0.3; printf one; sleep 0.1; printf two)', process.execPath, script], { encoding: "utf8" })).toBe("onetwo");
});

test.each([
  { path: "none", found: /^reading a text on .*none: no such file\n  next: look$/ },
  { path: ".", found: /: it is a directory/ },
  { path: "x".repeat(256), found: /x: a name in it is longer than 255 bytes/ },
  { path: "/etc/passwd/below", found: /: a part of the path is no directory/ },
  { path: "/dev/zero", found: /: it is larger than 1048576 bytes/ },
])("$path is refused", ({ path, found }) => {
  expect(() => readText(path.startsWith("/") ? path : join(directory, path), { tried: "reading a text", next: "look" })).toThrow(found);
});
