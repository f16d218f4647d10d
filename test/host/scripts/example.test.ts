import { execFile, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { parseCommandLine } from "../../../src/core/realroot/command-line.ts";
import { asCommandLine, explainText } from "../../../src/host/cli/realroot.ts";
import { readKinds } from "../../../src/host/config/kinds.ts";
import { packageRoot } from "../../../src/host/package-root.ts";
import { readUserScripts } from "../../../src/host/scripts/scripts.ts";
import { bundle } from "../../../tools/bundle.js";

const EXAMPLE = join(packageRoot(), "docs/examples/nbd");
const page = readFileSync(join(packageRoot(), "docs/scripts.md"), "utf8");
const [, block = ""] = /^```realroot nbd\n([^]*?)\n```$/m.exec(page) ?? [];
const examples = block.split("\n\n").map((example) => ({ words: example.split("\n", 1)[0] ?? "", printed: example.split("\n").slice(1).join("\n") }));

beforeAll(async () => void (await bundle()));

test("the example's own tests pass under Node's test runner", async () => {
  const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...env } = process.env;
  const output = await new Promise<string>((resolve) => execFile(process.execPath, ["--no-warnings", "--test", "--test-reporter=tap", EXAMPLE], { env }, (_error, stdout) => resolve(stdout)));
  expect(output).toMatch(/^# fail 0$/m);
  expect(Number(/^# pass (\d+)$/m.exec(output)?.[1])).toBeGreaterThan(10);
});

test("the directory of the example is one script, as it lies there", async () => {
  const cacheDirectory = mkdtempSync(join(tmpdir(), "mkinitrd-example-"));
  onTestFinished(() => rmSync(cacheDirectory, { recursive: true }));
  const scripts = await readUserScripts({ scripts: [EXAMPLE], packageRoot: packageRoot(), cacheDirectory });
  expect(scripts).toMatchObject([{ name: "nbd", header: { keyword: ["nbd"], fields: ["address", "options"] } }]);
});

const shown = ["docs/scripts.md", "README.md"].flatMap((name) => [...readFileSync(join(packageRoot(), name), "utf8").matchAll(/^```ts\n(\/\/ [A-Z]+:[^]*?)^```$/gm)].map(([, text = ""], index) => ({ name, index, text })));

test.each(shown)("script $index that $name shows can be built, and is typed", async ({ text }) => {
  const directory = mkdtempSync(join(tmpdir(), "mkinitrd-shown-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  mkdirSync(join(directory, "node_modules/@types"), { recursive: true });
  symlinkSync(packageRoot(), join(directory, "node_modules/mkinitrd"));
  symlinkSync(join(packageRoot(), "node_modules/@types/node"), join(directory, "node_modules/@types/node"));
  writeFileSync(join(directory, "package.json"), '{"type":"module"}');
  writeFileSync(join(directory, "shown.ts"), text);
  await expect(readUserScripts({ scripts: [directory], packageRoot: packageRoot(), cacheDirectory: join(directory, "cache") })).resolves.toHaveLength(1);
  const tsc = spawnSync(join(packageRoot(), "node_modules/.bin/tsc"), ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2024", "--types", "node", "shown.ts"], { cwd: directory, encoding: "utf8" });
  expect(tsc.stdout).toBe("");
});

test("scripts are shown in docs/scripts.md and in the README", () => {
  expect(shown.map(({ name }) => name)).toEqual(["docs/scripts.md", "README.md"]);
});

test("docs/scripts.md has its examples", () => {
  expect(examples.length).toBe(2);
});

test.each(examples)("docs/scripts.md: $words", async ({ words, printed }) => {
  const kinds = await readKinds([EXAMPLE]);
  expect(explainText(parseCommandLine(asCommandLine([words]), { kinds, defaultRealroot: "", sealed: false }), kinds)).toBe(printed);
});

test("an option that the example does not have is an error that lists those it has", async () => {
  const kinds = await readKinds([EXAMPLE]);
  expect(() => parseCommandLine("realroot=nbd:ext4:10.0.2.2/root:prot=1", { kinds, defaultRealroot: "", sealed: false }))
    .toThrow('the option "prot" of kind nbd; known: gateway, interface, ip, port, timeout, mount.*\n  next: did you mean port?');
});
