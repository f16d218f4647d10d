import { execFile, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { MkinitrdError } from "../../../src/core/errors.ts";
import { run } from "../../../src/host/cli/program.ts";
import packageJson from "../../../package.json" with { type: "json" };

let printed = "";
let loaded: string[] = [];

const commands = {
  show: async () => {
    loaded.push("show");
    return new Command("show").description("shows a thing").argument("<thing>").action((thing: string) => {
      if (thing === "ours") throw new MkinitrdError({ tried: "showing", on: "a.img", found: "nothing", next: "look" });
      if (thing === "foreign") throw new TypeError("x is not a function");
      process.stdout.write(`${thing}\n`);
    });
  },
  other: async () => {
    loaded.push("other");
    return new Command("other").description("does another thing");
  },
};

beforeEach(() => {
  [printed, loaded] = ["", []];
  const write = (text: string | Uint8Array) => ((printed += String(text)), true);
  vi.spyOn(process.stdout, "write").mockImplementation(write);
  vi.spyOn(process.stderr, "write").mockImplementation(write);
  vi.spyOn(console, "error").mockImplementation((text: unknown) => void write(`${String(text)}\n`));
});

afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = 0;
});

/** The exit code and all that was printed. */
async function result(...words: string[]): Promise<[number, string]> {
  process.exitCode = 0;
  await run(words, commands);
  return [Number(process.exitCode), printed];
}

test.each([
  { words: ["show", "it"], code: 0, says: /^it\n$/ },
  { words: ["--help"], code: 0, says: /shows a thing[\s\S]*does another thing[\s\S]*Exit codes/ },
  { words: ["help", "show"], code: 0, says: /Usage: mkinitrd show/ },
  { words: ["show", "--help"], code: 0, says: /Usage: mkinitrd show/ },
  { words: ["--version"], code: 0, says: new RegExp(`^${packageJson.version}\n$`) },
  { words: [], code: 2, says: /Usage: mkinitrd/ },
  { words: ["shwo"], code: 2, says: /unknown command 'shwo'[\s\S]*Did you mean show/ },
  { words: ["show"], code: 2, says: /missing required argument 'thing'/ },
  { words: ["show", "--lng", "x"], code: 2, says: /unknown option '--lng'/ },
  { words: ["constructor"], code: 2, says: /unknown command/ },
  { words: ["show", "ours"], code: 1, says: /^mkinitrd: showing on a.img: nothing\n {2}next: look\n$/ },
  { words: ["show", "foreign"], code: 1, says: /^mkinitrd: TypeError: x is not a function\n$/ },
])("`mkinitrd $words` ends with $code", async ({ words, code, says }) => {
  const [status, output] = await result(...words);
  expect(output).toMatch(says);
  expect(status).toBe(code);
});

test("only the command that was named is loaded", async () => {
  await result("show", "it");
  expect(loaded).toEqual(["show"]);
});

const MAIN = join(import.meta.dirname, "../../../src/host/cli/main.ts");

test("a reader that leaves early is no error", async () => {
  const child = spawn("sh", ["-c", `"$0" --no-warnings "$1" --help | true`, process.execPath, MAIN]);
  let stderr = "";
  child.stderr.on("data", (chunk) => (stderr += chunk));
  await new Promise((resolve) => child.on("close", resolve));
  expect(stderr).toBe("");
});

test("a command that does something goes on though its reader leaves, and its exit code says how it went", async () => {
  const directory = mkdtempSync(join(tmpdir(), "mkinitrd-program-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const child = spawn("sh", ["-c", `(sleep 1; "$0" --no-warnings "$1" extract "$2/none" -C "$2"; echo $? >"$2/code") 2>&1 | true`, process.execPath, MAIN, directory]);
  await new Promise((resolve) => child.on("close", resolve));
  await expect.poll(() => readdirSync(directory), { timeout: 20_000 }).toContain("code");
  await expect.poll(() => readFileSync(join(directory, "code"), "utf8")).toBe("1\n");
});

test("an output that is full is an error in one line, with exit code 1", async () => {
  const child = spawn("sh", ["-c", `"$0" --no-warnings "$1" --help >/dev/full`, process.execPath, MAIN]);
  let stderr = "";
  child.stderr.on("data", (chunk) => (stderr += chunk));
  const code = await new Promise((resolve) => child.on("close", resolve));
  expect([code, stderr]).toEqual([1, "mkinitrd: writing standard output: the filesystem is full\n"]);
});

test("Node's own warnings stay out of what a person reads", async () => {
  const warn = "process.argv.length = 1; await import(process.env.MAIN); process.emitWarning('for programmers', 'ExperimentalWarning');";
  const stderr = await new Promise((resolve) =>
    execFile(process.execPath, ["--input-type=module", "--eval", warn], { env: { MAIN } }, (_e, _out, err) => resolve(err)),
  );
  expect(stderr).not.toContain("for programmers");
});

test("MKINITRD_DEBUG=1 adds nothing to what went well", async () => {
  const stderr = await new Promise((resolve) =>
    execFile(process.execPath, [MAIN, "--version"], { env: { MKINITRD_DEBUG: "1" } }, (_e, _out, err) => resolve(err)),
  );
  expect(stderr).toBe("");
});

test("what an error says to do next names only commands that there are", () => {
  const top = join(import.meta.dirname, "../../..");
  const files = ["src", "rc.d"].flatMap((folder) => readdirSync(join(top, folder), { recursive: true, encoding: "utf8" }).map((file) => join(top, folder, file)));
  const advice = files.filter((file) => /\.tsx?$/.test(file)).flatMap((file) => readFileSync(file, "utf8").match(/next: .*/g) ?? []);
  const named = advice.flatMap((line) => [...line.matchAll(/\bmkinitrd (?:-- )?([a-z]+)/g)].map(([, command]) => command));
  expect(advice.length).toBeGreaterThan(50);
  const table = readFileSync(join(top, "src/host/cli/program.ts"), "utf8");
  const known = [...table.matchAll(/^ {2}(\w+): async \(\) => \(await import/gm)].map(([, command]) => command);
  expect(known).toEqual(expect.arrayContaining([...new Set(named)]));
  expect(named).toContain("init");
});
