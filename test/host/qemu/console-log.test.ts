import { describe, expect, test } from "vitest";
import { cleanConsole, createConsoleLog, isTcgPanic } from "../../../src/host/qemu/console-log.ts";

describe("a console's output for a person", () => {
  test.each([
    { what: "colours", raw: "\x1b[1;31mred\x1b[0m", clean: "red" },
    { what: "cursor movements", raw: "\x1b[2J\x1b[Htop\x1b[?25l", clean: "top" },
    { what: "a title", raw: "\x1b]0;title\x07text", clean: "text" },
    { what: "a title without an end", raw: "\x1b]0;title\nnext line", clean: "\nnext line" },
    { what: "a character set", raw: "\x1b(Btext\x1b7", clean: "text" },
    { what: "line ends of a serial line", raw: "one\r\r\ntwo\r\n", clean: "one\ntwo\n" },
    { what: "a line drawn over another", raw: "10 %\r20 %", clean: "10 %\n20 %" },
    { what: "control characters", raw: "a\x00b\x08c\td", clean: "abc\td" },
  ])("has $what taken out", ({ raw, clean }) => {
    expect(cleanConsole(raw)).toBe(clean);
  });
});

test("a log keeps the end of more than it can hold", () => {
  const log = createConsoleLog();
  for (let i = 0; i < 10; i++) log.append(Buffer.alloc(1024 * 1024, 48 + i));
  expect(log.raw()).toHaveLength(8 * 1024 * 1024);
  expect(log.text().startsWith("2")).toBe(true);
  expect(log.text().endsWith("9")).toBe(true);
});

describe("a panic of TCG's own making", () => {
  test.each([
    { log: "[    0.5] Oops: int3: 0000 [#1] PREEMPT SMP", panic: true },
    { log: "Kernel panic - not syncing: MP-BIOS bug: 8254 timer not connected to IO-APIC", panic: true },
    { log: "[   53.042885] watchdog: BUG: soft lockup - CPU#1 stuck for 49s! [swapper/0:1]", panic: true },
    { log: "[   53.042885] watchdog: BUG: soft lockup - CPU#1 stuck for 49s! [node:131]", panic: false },
    { log: "Run /init as init process\nOops: int3: 0000", panic: false },
    { log: "Kernel panic - not syncing: VFS: Unable to mount root fs", panic: false },
  ])("$log: $panic", ({ log, panic }) => {
    expect(isTcgPanic(log)).toBe(panic);
  });
});
