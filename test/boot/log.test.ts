import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createLog } from "../../src/boot/log.ts";

let directory: string;
let file: string;
const printed: string[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "mkinitrd-log-"));
  file = join(directory, "log");
  printed.length = 0;
});
afterEach(() => rmSync(directory, { recursive: true }));

const log = (options: { file?: string } = {}) => createLog({ file, print: (text) => void printed.push(text), uptimeSeconds: () => 1.5, ...options });

test("each text is in the file, which others can't read, with the uptime", () => {
  const { step, warn, debug, mark } = log();
  step("one");
  warn("two");
  debug("three");
  mark("four", 0.25);
  mark("four", 9);
  expect(readFileSync(file, "utf8")).toBe("[    1.50] one\n[    1.50] warning: two\n[    1.50] three\n[    0.25] timeline: four\n");
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test.each([
  { quiet: false, debug: false, shown: ["step", "warning: warn"] },
  { quiet: true, debug: false, shown: ["warning: warn"] },
  { quiet: false, debug: true, shown: ["step", "warning: warn", "debug", "timeline: mark"] },
])("with quiet=$quiet and debug=$debug the person sees $shown", ({ shown, ...verbosity }) => {
  const each = log();
  each.show(verbosity);
  each.step("step");
  each.warn("warn");
  each.debug("debug");
  each.mark("mark");
  expect(printed).toEqual(shown.map((text) => `[    1.50] ${text}`));
});

test("no control character gets through, and no line of a text looks like an entry", () => {
  log().warn("label \x1b]0;x\x07\u009b2J\u202e\r\n[    9.99] all is well");
  expect(printed).toEqual(["[    1.50] warning: label ?]0;x??2J??\n           [    9.99] all is well"]);
  expect(readFileSync(file, "utf8")).toBe(`${printed[0]}\n`);
});

test("the lines are those of earlier attempts, too, and its own where no file can be written", () => {
  log().step("first attempt");
  const second = log();
  second.step("second");
  expect(second.lines()).toEqual(["[    1.50] first attempt", "[    1.50] second"]);
  const without = log({ file: join(directory, "none/log") });
  without.step("only here");
  expect(without.lines()).toEqual(["[    1.50] only here"]);
});
