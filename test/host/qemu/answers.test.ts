import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readAnswers, typeAnswers } from "../../../src/host/qemu/answers.ts";
import type { Guest } from "../../../src/host/qemu/guest.ts";
import { createTerminal } from "../../../src/host/qemu/terminal.ts";

let directory: string;
beforeEach(() => { directory = mkdtempSync(join(tmpdir(), "answers-")); });
afterEach(() => rmSync(directory, { recursive: true }));

describe("a file of answers", () => {
  function read(text: string, mode: number): { answers: unknown; warnings: string[] } {
    const file = join(directory, "answers.yaml");
    writeFileSync(file, text);
    chmodSync(file, mode);
    const warnings: string[] = [];
    return { answers: readAnswers(file, (warning) => warnings.push(warning)), warnings };
  }

  test("maps prompts to what is typed", () => {
    expect(read("Passphrase for /dev/vda2: correct horse\nPIN: [1, 2]\n", 0o600)).toEqual({
      answers: { "Passphrase for /dev/vda2": ["correct horse"], PIN: ["1", "2"] }, warnings: [],
    });
  });

  test("that others may read is told of", () => {
    expect(read("a: b", 0o644).warnings).toEqual([expect.stringMatching(/others may read it: chmod 600/)]);
  });

  test("that is wrong is refused by line and column", () => {
    expect(() => read("a: b\nc: {}\n", 0o600)).toThrow(/answers\.yaml on line 2, column 4/);
  });

  test("that is not there is named", () => {
    expect(() => readAnswers(join(directory, "none.yaml"), () => {})).toThrow(/reading the answers on .*none\.yaml: no such file/);
  });
});

describe("typing", () => {
  /** A guest that asks the prompts one after the other, each when the one before was answered. */
  function asking(prompts: string[]): { guest: Guest; typed: string[]; ended: Promise<void> } {
    const terminal = createTerminal();
    const typed: string[] = [];
    const left = [...prompts];
    let end: () => void = () => {};
    const ended = new Promise<void>((resolve) => { end = resolve; });
    const ask = (): void => {
      const prompt = left.shift();
      if (prompt === undefined) return end();
      terminal.write(Buffer.from(`\r\n${prompt}`));
    };
    const type = (bytes: string | Buffer): void => {
      typed.push(bytes.toString());
      terminal.mark();
      terminal.write(Buffer.from("***"));
      ask();
    };
    ask();
    return { guest: { terminal, type, exited: ended } as unknown as Guest, typed, ended };
  }

  test("each answer is typed at its own prompt, whatever their order", async () => {
    const { guest, typed } = asking(["PIN: ", "Passphrase for a (b): "]);
    await typeAnswers(guest, { "Passphrase for a (b)": ["horse"], PIN: ["1234"] });
    expect(typed).toEqual(["1234\r", "horse\r"]);
  });

  test("a list is typed one by one as the prompt comes again", async () => {
    const { guest, typed } = asking(["Passphrase: ", "Passphrase: "]);
    await typeAnswers(guest, { Passphrase: ["wrong", "right"] });
    expect(typed).toEqual(["wrong\r", "right\r"]);
  });

  test("it ends when the guest does, with answers left", async () => {
    const { guest, typed } = asking(["Passphrase: "]);
    await typeAnswers(guest, { Passphrase: ["right"], never: ["x"] });
    expect(typed).toEqual(["right\r"]);
  });
});
