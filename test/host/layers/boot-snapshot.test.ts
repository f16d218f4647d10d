import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exec } from "../../../src/host/exec.ts";
import { openFileMemo } from "../../../src/host/file-memo.ts";
import { bootSnapshot } from "../../../src/host/layers/boot-snapshot.ts";
import { packageRoot } from "../../../src/host/package-root.ts";

const PROGRAM = join(packageRoot(), "dist/image/boot.cjs");
const TIMEOUT_MS = 120_000;
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "mkinitrd-snapshot-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const request = (cache: string, { nodeBinary = process.execPath, program = PROGRAM } = {}) => ({
  nodeBinary, program, cacheDirectory: join(folder, cache), memo: openFileMemo(join(folder, "memo.json")),
});

test("the same program gives the same bytes wherever Node, the program and the cache are, and nothing of the machine is in them", { timeout: TIMEOUT_MS }, async () => {
  const [node, program] = [join(folder, "another place/for/node"), join(folder, "program.cjs")];
  mkdirSync(dirname(node), { recursive: true });
  copyFileSync(process.execPath, node);
  copyFileSync(PROGRAM, program);
  const one = await bootSnapshot(request("one"));
  const two = await bootSnapshot(request("a cache with a longer name", { nodeBinary: node, program }));
  const bytes = readFileSync(one.file!);
  expect(bytes.equals(readFileSync(two.file!))).toBe(true);
  for (const text of [folder, process.execPath, packageRoot(), `${process.env["HOME"] ?? "/root"}/`, hostname()]) {
    if (text.length > 3) expect(bytes.includes(text), text).toBe(false);
  }
});

test("what V8 has compiled while the program was loaded stays in it: a boot parses less than it runs", { timeout: TIMEOUT_MS }, async () => {
  const { file } = await bootSnapshot(request("one"));
  const log = join(folder, "functions.log");
  await exec(process.execPath, ["--log-function-events", "--no-logfile-per-isolate", `--logfile=${log}`, "--snapshot-blob", file!, "boot.cjs", "self-test"]);
  const events = readFileSync(log, "utf8").split("\n");
  const count = (pattern: RegExp) => events.filter((line) => pattern.test(line)).length;
  const ran = count(/^function,first-execution,/);
  expect(ran).toBeGreaterThan(100);
  expect(count(/^function,full-parse,/)).toBeLessThan(ran);
});

test("the second time it comes from the cache", { timeout: TIMEOUT_MS }, async () => {
  const { file } = await bootSnapshot(request("one"));
  const { ino } = statSync(file!);
  expect(await bootSnapshot(request("one"))).toEqual({ file });
  expect(statSync(file!).ino).toBe(ino);
});

test("one whose bytes in the cache changed is made again", { timeout: TIMEOUT_MS }, async () => {
  const { file } = await bootSnapshot(request("one"));
  const intact = readFileSync(file!);
  writeFileSync(file!, Buffer.alloc(intact.length));
  expect(await bootSnapshot(request("one"))).toEqual({ file });
  expect(readFileSync(file!).equals(intact)).toBe(true);
});

test.each([
  { what: "fails while it is loaded", code: "throw new Error('no good')", note: /starts without a snapshot: running .*node/ },
  { what: "does not pass its self-test", code: "require('node:v8').startupSnapshot.setDeserializeMainFunction(() => console.log('nothing'))", note: /starts without a snapshot: .*self-test ended early/ },
  { what: "fails in its self-test", code: "require('node:v8').startupSnapshot.setDeserializeMainFunction(() => { throw 1 })", note: /starts without a snapshot: running .*node/ },
])("a program that $what gives a note, and none is kept", { timeout: TIMEOUT_MS }, async ({ code, note }) => {
  const program = join(folder, "bad.cjs");
  writeFileSync(program, code);
  const result = await bootSnapshot(request("bad", { program }));
  expect(result).toEqual({ note: expect.stringMatching(note) });
});

test("a file that is no Node gives a note", async () => {
  expect(await bootSnapshot(request("bad", { nodeBinary: "/bin/false" }))).toEqual({ note: expect.stringMatching(/starts without a snapshot/) });
});

test("it is the same when Node is started by words in front, by which the self-test starts programs as well", { timeout: TIMEOUT_MS }, async () => {
  const started = join(folder, "started");
  const starter = join(folder, "starter");
  writeFileSync(starter, `#!/bin/sh\necho "$*" >>${started}\nexec "$@"\n`, { mode: 0o755 });
  const launched = await bootSnapshot({ ...request("launched"), launch: (use) => use([starter]) });
  const { file } = await bootSnapshot(request("one"));
  expect(readFileSync(launched.file!).equals(readFileSync(file!))).toBe(true);
  expect(readFileSync(started, "utf8").trim().split("\n").map((line) => line.split(" ").at(-1))).toEqual(["config.json", starter, "--version"]);
});
