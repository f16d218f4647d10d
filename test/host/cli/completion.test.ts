import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Argument, Command } from "commander";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { bashCompletion } from "../../../src/host/cli/completion-bash.ts";
import { completionCommand } from "../../../src/host/cli/completion.ts";
import { fishCompletion } from "../../../src/host/cli/completion-fish.ts";
import { describeCommands } from "../../../src/host/cli/describe-program.ts";
import { loadCommands } from "../../../src/host/cli/program.ts";

const has = (program: string) => spawnSync(program, ["--version"]).status === 0;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "mkinitrd-completion-"));
  mkdirSync(join(directory, "folder"));
  for (const name of ["a b.img", "it's.img"]) writeFileSync(join(directory, name), "");
});
afterEach(() => rmSync(directory, { recursive: true }));

const commands = describeCommands([
  new Command("show").description("Shows it's \\thing.").argument("<image>").option("-o, --output <file>", "the file").option("--into <dir>", "where to").option("--level <number>", "a number").option("--json", "as JSON"),
  new Command("tell").description("Tells.").addArgument(new Argument("[what]", "the thing").choices(["this", "that"])),
]);

describe.each([
  { shell: "bash", installed: has("bash"), complete: completeBash },
  { shell: "zsh", installed: has("zsh"), complete: undefined },
  { shell: "fish", installed: has("fish"), complete: completeFish },
])("$shell", ({ shell, installed, complete }) => {
  test.runIf(installed && complete !== undefined).each([ // zsh completes only on a terminal
    { words: ["s"], offers: ["show"] },
    { words: ["help", "te"], offers: ["tell"] },
    { words: ["show", "--"], offers: ["--help", "--into", "--json", "--level", "--output"] },
    { words: ["show", "--into", "f"], offers: ["folder"] },
    { words: ["show", "-o", "a"], offers: ["a b.img"] },
    { words: ["show", "it"], offers: ["it's.img"] },
    { words: ["show", "--json", "a"], offers: ["a b.img"] },
    { words: ["show", "--level", ""], offers: [] },
    { words: ["tell", "th"], offers: ["that", "this"] },
    { words: ["unknown", ""], offers: [] },
  ])("offers $offers behind $words", ({ words, offers }) => {
    expect(complete!(words)).toEqual(offers);
  });

  test.runIf(installed)("takes the script of the program itself without a word", async () => {
    const script = join(directory, "script");
    writeFileSync(script, await printed(shell));
    expect(spawnSync(shell, ["-n", script], { encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
  });
});

test("the program's own commands and options are all there", async () => {
  const script = await printed("bash");
  for (const command of await loadCommands()) {
    expect(script).toContain(` ${command.name()}) options=`);
    for (const { long } of command.options) expect(script).toContain(String(long));
  }
});

test("a shell that is not known is refused with those that are", async () => {
  const program = new Command("mkinitrd").exitOverride().configureOutput({ writeErr: () => {} });
  program.addCommand(completionCommand(async () => []).copyInheritedSettings(program));
  await expect(program.parseAsync(["completion", "tcsh"], { from: "user" })).rejects.toThrow(/Allowed choices are bash, zsh, fish/);
});

async function printed(shell: string): Promise<string> {
  let text = "";
  const { write } = process.stdout;
  process.stdout.write = (chunk: string | Uint8Array) => ((text += String(chunk)), true);
  try {
    await completionCommand(loadCommands).parseAsync([shell], { from: "user" });
  } finally {
    process.stdout.write = write;
  }
  return text;
}

function completeBash(words: string[]): string[] {
  const ask = 'source "$1"; shift; COMP_WORDS=(mkinitrd "$@"); COMP_CWORD=$#; _mkinitrd; printf "%s\\n" "${COMPREPLY[@]}"';
  return lines(execFileSync("bash", ["--norc", "-c", ask, "bash", write(bashCompletion(commands)), ...words], { cwd: directory, encoding: "utf8" }));
}

function completeFish(words: string[]): string[] {
  const line = ["mkinitrd", ...words].join(" ");
  const ask = `source ${write(fishCompletion(commands))}; complete -C ${JSON.stringify(line)}`;
  const text = execFileSync("fish", ["--no-config", "-c", ask], { cwd: directory, encoding: "utf8", env: { ...process.env, HOME: directory } });
  return lines(text.replaceAll(/\t.*$/gm, "")).map((name) => name.replaceAll(/\\(.)/g, "$1").replace(/\/$/, ""));
}

function write(script: string): string {
  const folder = join(directory, ".scripts"); // no completion offers it
  mkdirSync(folder);
  writeFileSync(join(folder, "script"), script);
  return join(folder, "script");
}

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "").sort();
}
