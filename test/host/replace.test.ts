import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkReplaceable } from "../../src/host/replace.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "replace-"));
  writeFileSync(join(directory, "file"), "old");
  symlinkSync("file", join(directory, "link"));
  symlinkSync("nowhere", join(directory, "dangling"));
  execFileSync("mkfifo", [join(directory, "pipe")]);
});
afterEach(() => rmSync(directory, { recursive: true }));

test.each(["file", "new", "no/such/directory", "file/below"])("%s may be written", (name) => {
  checkReplaceable(join(directory, name), "writing");
});

test.each([
  { path: ".", found: /it is a directory.*\n  next: name a file in it/ },
  { path: "pipe", found: /it is no regular file/ },
  { path: "link", found: /it is a link.*\n  next: name what it leads to: -o \/.*\/file/ },
  { path: "dangling", found: /it is a link.*\n  next: it leads nowhere/ },
  { path: "/dev/null", found: /^writing on \/dev\/null: it is no regular file; what was there before is untouched/ },
])("$path may not be replaced by a file", ({ path, found }) => {
  expect(() => checkReplaceable(path.startsWith("/") ? path : join(directory, path), "writing")).toThrow(found);
});
