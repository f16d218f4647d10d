import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bundle } from "../../../tools/bundle.js";

const PROGRAM = join(import.meta.dirname, "../../../dist/host/mkinitrd.js");
const folder = mkdtempSync(join(tmpdir(), "main-"));
beforeAll(async () => void (await bundle()), 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

const start = (node: string, env: Record<string, string>, ...words: string[]) => spawnSync(node, [PROGRAM, ...words], { cwd: folder, env, encoding: "utf8" });

/** One that the distribution has put there, where it is too old for us. */
const old = spawnSync("/usr/bin/node", ["-p", "process.versions.node.split('.')[0]"], { encoding: "utf8" }).stdout?.trim() ?? "";

test.skipIf(old === "" || Number(old) >= 22)("an older Node is told which one it takes (skipped where /usr/bin/node is none)", () => {
  const { status, stderr } = start("/usr/bin/node", { HOME: folder }, "ls", "x");
  expect([status, stderr]).toEqual([1, expect.stringMatching(/^mkinitrd: starting mkinitrd on \S+: this is Node \d+\.\S+, it needs 26 or newer\n {2}next: .*\n$/)]);
});

test.each([{ HOME: "" }, { HOME: join(folder, "nobody") }, { XDG_CACHE_HOME: join(folder, "none") }])("who only asks gets no directory of a cache: %j", (env) => {
  const { status } = start(process.execPath, { ...env, ...("HOME" in env ? {} : { HOME: folder }) }, "--version");
  expect([status, readdirSync(folder)]).toEqual([0, []]);
});

test.each([
  [["help", "nosuch"], /unknown command 'nosuch'/],
  [["help", "buidl"], /unknown command 'buidl'\n\(Did you mean build\?\)/],
  [["nosuch"], /unknown command 'nosuch'/],
])("%j is a wrong command line", (words, found) => {
  const { status, stderr } = start(process.execPath, { HOME: folder }, ...words);
  expect([status, stderr]).toEqual([2, expect.stringMatching(found)]);
});
