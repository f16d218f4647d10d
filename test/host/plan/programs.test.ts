import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { missingProgram } from "../../../src/host/plan/programs.ts";
import { openSysroot } from "../../../src/host/plan/sysroot.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "programs-"));
  mkdirSync(join(root, "usr/bin"), { recursive: true });
  writeFileSync(join(root, "usr/bin/data"), "no program");
  chmodSync(join(root, "usr/bin/data"), 0o644);
});
afterEach(() => rmSync(root, { recursive: true }));

test.each([
  { what: "is nowhere", name: "/usr/bin/none", found: /: no such program\n {2}next: install it$/ },
  { what: "is in no directory of programs", name: "cryptsetup", found: /: it is in none of \/usr\/sbin, .*\n {2}next: install it; on Debian: apt-get install cryptsetup-bin$/ },
  { what: "nobody may run", name: "/usr/bin/data", found: /\/usr\/bin\/data is there, and nobody may run it: its mode is 0644\n {2}next: chmod \+x .*\/usr\/bin\/data, or pack what is no program under files: of the configuration$/ },
  { what: "is a directory", name: "/usr/bin", found: /\/usr\/bin is no file\n {2}next: name a program$/ },
])("the error for a program that $what says that", ({ name, found }) => {
  expect(missingProgram(openSysroot(root), name, "a test").message).toMatch(found);
});
