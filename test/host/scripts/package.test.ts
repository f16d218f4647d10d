import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { packageRoot } from "../../../src/host/package-root.ts";
import { bundle } from "../../../tools/bundle.js";

/** A package of somebody else's, that has this one and @types/node installed; npm links a directory in this way. */
let directory: string;
beforeAll(async () => void (await bundle()));
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "mkinitrd-package-"));
  mkdirSync(join(directory, "node_modules/@types"), { recursive: true });
  symlinkSync(packageRoot(), join(directory, "node_modules/mkinitrd"));
  symlinkSync(join(packageRoot(), "node_modules/@types/node"), join(directory, "node_modules/@types/node"));
  write("package.json", JSON.stringify({ type: "module" }));
  write("tsconfig.json", JSON.stringify({ compilerOptions: { module: "nodenext", target: "es2024", strict: true, noEmit: true, types: ["node"], erasableSyntaxOnly: true, verbatimModuleSyntax: true, allowImportingTsExtensions: true } }));
  write("vault.ts", SCRIPT);
  write("vault.test.ts", TEST);
});
afterEach(() => rmSync(directory, { recursive: true }));

const SCRIPT = `// KEYWORD:  vault
// ENCRYPTED: yes
// FIELDS:   device name options
// OPTIONS:  tries
// PROGRAMS: opener
import type { Context } from "mkinitrd/rc";
import { hex32 } from "mkinitrd/rc";

export default async function run(ctx: Context): Promise<string> {
  const { device, name = "vault" } = ctx.realroot;
  const volume = await ctx.volumes.find(device);
  const outcome = await ctx.ask.unlock({ volume: volume.name, attempts: 2 }, async (passphrase) => {
    const { exitCode } = await ctx.exec("opener", [volume.path, name, hex32(255)], { input: passphrase, accept: [1] });
    return exitCode === 0;
  });
  if (outcome !== "opened") throw ctx.failure({ tried: "unlocking", on: volume.name, found: outcome });
  ctx.log.step("opened " + name);
  return "/dev/mapper/" + name;
}
`;

const TEST = `import assert from "node:assert/strict";
import { test } from "node:test";
import { MkinitrdError } from "mkinitrd/rc";
import { createTestContext, stageOf } from "mkinitrd/rc/test";
import run from "./vault.ts";

const script = new URL("vault.ts", import.meta.url);
const opener = (_args: string[], input?: Buffer) => ({ exitCode: input?.toString() === "right" ? 0 : 1 });

test("asks until the passphrase is right, and wipes what was typed", async () => {
  const ctx = createTestContext({ realroot: stageOf(script, "vault:ext4:vda2:v0"), volumes: { "/dev/vda2": { path: "/dev/vda2" } }, answers: ["wrong", "right"], programs: { opener } });
  assert.equal(await run(ctx), "/dev/mapper/v0");
  assert.deepEqual(ctx.calls.map(({ input }) => input), ["wrong", "right"]);
  assert.deepEqual(ctx.recorded.at(-1), "step opened v0");
  assert.ok(ctx.secrets.every((secret) => secret.every((byte) => byte === 0)));
});

test("gives up", async () => {
  const ctx = createTestContext({ realroot: stageOf(script, "vault:ext4:vda2"), volumes: { "/dev/vda2": {} }, programs: { opener } });
  await assert.rejects(run(ctx), (error) => error instanceof MkinitrdError && error.found === "exhausted");
});
`;

test("a script and its test in another package are typed by mkinitrd/rc", async () => {
  expect(await run("tsc", ["-p", directory])).toEqual({ code: 0, output: "" });
  write("vault.ts", SCRIPT.replace("ctx.volumes.find", "ctx.volumes.fnd"));
  const { code, output } = await run("tsc", ["-p", directory]);
  expect(code).not.toBe(0);
  expect(output).toMatch(/vault\.ts\(11,36\): error TS\d+: Property 'fnd' does not exist on type 'Volumes'/);
});

test("they run under Node's test runner, without root and without a machine", async () => {
  const { code, output } = await run("node", ["--no-warnings", "--test", "--test-reporter=tap"]);
  expect(output).toMatch(/^# pass 2$/m);
  expect(code).toBe(0);
  write("vault.ts", SCRIPT.replace("exitCode === 0", "exitCode === 1"));
  expect((await run("node", ["--no-warnings", "--test", "--test-reporter=tap"])).output).toMatch(/^# fail 2$/m);
});

function run(program: string, args: string[]): Promise<{ code: number; output: string }> {
  const file = program === "node" ? process.execPath : join(packageRoot(), "node_modules/.bin", program);
  const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...env } = process.env;
  return new Promise((resolve) => execFile(file, args, { cwd: directory, env }, (error, stdout, stderr) => resolve({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : -1, output: stdout + stderr })));
}

function write(name: string, text: string): void {
  writeFileSync(join(directory, name), text);
}
