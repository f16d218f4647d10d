import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { commandsWithExitCodes, exitCodes } from "../../../src/host/cli/exit-codes.ts";
import { loadCommands } from "../../../src/host/cli/program.ts";
import { parseConfig } from "../../../src/host/config/config.ts";
import { schemaLine } from "../../../src/host/config/schema-line.ts";
import { fillPage } from "../../../src/host/manual/fill.ts";
import { configJsonSchema } from "../../../src/host/manual/json-schema.ts";
import { manPage } from "../../../src/host/manual/man.ts";
import { madeFiles } from "../../../src/host/manual/pages.ts";
import { packageRoot } from "../../../src/host/package-root.ts";

const root = packageRoot();
const read = (path: string) => readFileSync(join(root, path), "utf8");
const made = await madeFiles(root);

test.each([...made.keys()])("%s is what the sources make: npm run generate", (path) => {
  expect(read(path)).toBe(made.get(path));
});

describe("the JSON Schema", () => {
  test("is named in the first line of the configuration that comes along", () => {
    expect(read("mkinitrd.config.yaml").split("\n")[0]).toBe("# yaml-language-server: $schema=./mkinitrd.schema.json");
  });

  test.each([
    { configuration: "/usr/lib/mkinitrd/mkinitrd.config.yaml", path: "./mkinitrd.schema.json" },
    { configuration: "/usr/lib/laptop.yaml", path: "./mkinitrd/mkinitrd.schema.json" },
    { configuration: "/etc/mkinitrd/mkinitrd.config.yaml", path: "/usr/lib/mkinitrd/mkinitrd.schema.json" },
  ])("is named in $configuration as $path", ({ configuration, path }) => {
    expect(schemaLine(configuration, "/usr/lib/mkinitrd")).toBe(`# yaml-language-server: $schema=${path}`);
  });

  const hasValidator = spawnSync("python3", ["-c", "import jsonschema"]).status === 0;

  test.runIf(hasValidator).each([
    { text: read("mkinitrd.config.yaml"), valid: true },
    { text: /```yaml\n([^]*?)```/.exec(read("docs/config.md"))?.[1] ?? "", valid: true },
    { text: "modules: {set: auto, add: [zram]}\ncompression: none\nrescue: {delay: 3}\n", valid: true },
    { text: "modlues: auto\n", valid: false },
    { text: "compression: brotli\n", valid: false },
    { text: "files: [{to: /etc/x}]\n", valid: false },
    { text: "timeout: soon\n", valid: false },
  ])("says of $text the same as the build (a validator of somebody else's)", ({ text, valid }) => {
    const validate = "import json, sys, jsonschema; both = json.load(sys.stdin); jsonschema.Draft202012Validator.check_schema(both[0]); jsonschema.validate(both[1], both[0])";
    const { status, stderr } = spawnSync("python3", ["-W", "ignore", "-c", validate], { input: JSON.stringify([configJsonSchema(), parse(text)]), encoding: "utf8" });
    expect(stderr).toMatch(valid ? /^$/ : /ValidationError/);
    expect(status).toBe(valid ? 0 : 1);
    if (valid) parseConfig(text, "x.yaml");
    else expect(() => parseConfig(text, "x.yaml")).toThrow();
  });
});

describe("a manual page", () => {
  const mandoc = spawnSync("mandoc", ["-T", "lint", "/dev/null"]).error === undefined;
  const groff = spawnSync("groff", ["--version"]).status === 0;

  describe.each([...made.keys()].filter((path) => path.startsWith("man/")))("%s", (path) => {
    test.runIf(mandoc)("has nothing that mandoc warns of", () => {
      expect(spawnSync("mandoc", ["-T", "lint", "-W", "warning", join(root, path)], { encoding: "utf8" }).stdout).toBe("");
    });

    test.runIf(groff)("has nothing that groff warns of", () => {
      expect(spawnSync("groff", ["-man", "-ww", "-K", "utf8", "-T", "utf8", "-z", join(root, path)], { encoding: "utf8" }).stderr).toBe("");
    });
  });

  test.runIf(groff)("says what its Markdown says, whatever roff would make of it", () => {
    const text = "# t\n\n## One\n\n.dot 'quote' \\e `--opt-ion` *word*, **bold**: ~^ \u2192 [local.md](local.md) [here](https://x/y)\n'line\n\n- `-x` *file*: the file\n- a thing: two\n\n| a | b |\n|---|---|\n| `k` | v \\| w |\n\n```\n.code\n\\n\n```\n";
    const directory = mkdtempSync(join(tmpdir(), "mkinitrd-man-"));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    writeFileSync(join(directory, "t.7"), manPage({ name: "t", section: 7, about: "a test", text, version: "1", date: "2026-01-02" }));
    const shown = spawnSync("groff", ["-man", "-ww", "-P-c", "-P-b", "-P-u", "-T", "utf8", "t.7"], { cwd: directory, encoding: "utf8" });
    expect(shown.stderr).toBe("");
    const plain = shown.stdout.replace(/\x1b\[[\d;]*m/g, "").replaceAll("\u2010", "-").replace(/[^\S\n]+/g, " ");
    expect(plain).toMatch(/^T\(7\) Miscellaneous Information Manual T\(7\)$/m);
    expect(plain).toMatch(/^ONE\n \.dot 'quote' \\e --opt-ion word, bold: ~\^ \u2192 docs\/local\.md here 'line\n\n -x file\n the file\n\n \u2022 a thing: two\n\n k v \| w\n\n \.code\n \\n$/m);
  });
});

describe("the exit codes", () => {
  test.each(commandsWithExitCodes())("of %s are in its help", async (name) => {
    const command = (await loadCommands()).find((each) => each.name() === name)!;
    let help = "";
    command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
    for (const { code, meaning } of exitCodes(name)) expect(help).toContain(`  ${code}  ${meaning}`);
  });

  test("of a command that has none of its own are the general ones", () => {
    expect(exitCodes("constructor")).toEqual(exitCodes());
    expect(exitCodes().map(({ code }) => code)).toEqual([0, 1, 2]);
  });
});

test.each([
  { page: "<!-- made: x -->\n", found: /does not end with <!-- end -->/ },
  { page: "<!-- made: toString -->\n<!-- end -->\n", found: /nobody makes "toString"; known: x/ },
])("a page with a wrong mark is refused: $page", ({ page, found }) => {
  expect(() => fillPage(page, "docs/p.md", { x: "made" })).toThrow(found);
});
