import { expect, test } from "vitest";
import type { Console } from "../../src/boot/console.ts";
import { EXIT_FAILED, EXIT_RETRY, runRescue } from "../../src/boot/rescue.ts";
import { MkinitrdError } from "../../src/core/errors.ts";

const log = { step() {}, warn() {}, debug() {}, mark() {}, show() {}, lines: () => ["[    1.00] a line of the log"] };
const error = new MkinitrdError({ tried: "mounting", on: "/dev/vda1", found: "label \x1b[2J", next: "look" });

/** A terminal, what is on its screen, and the keys that are pressed when the menu listens. */
function desk(...keys: string[]) {
  const did: string[] = [];
  let listener: ((bytes: Buffer) => void) | undefined;
  const terminal: Console = {
    name: "/dev/ttyS0",
    output: process.stdout,
    write: (text) => void did.push(text),
    listen(next) {
      listener = next;
      setImmediate(() => keys.length > 0 && listener?.(Buffer.from(keys.shift()!)));
      return () => (listener = undefined);
    },
    discard: () => void did.push("discard"),
    lend: async (use) => (did.push("lent"), use()),
    close() {},
  };
  return { terminal, did, screen: () => did.join("") };
}

test("the error is shown without what a disk put in it, and r is a retry", async () => {
  const { terminal, screen } = desk("r");
  await expect(runRescue({ terminal, log, error, allowShell: false })).resolves.toBe(EXIT_RETRY);
  expect(screen()).toContain("mounting on /dev/vda1: label ?[2J\n  next: look\n");
});

test("keys that were meant for a prompt are dropped before the menu listens", async () => {
  const { terminal, did } = desk("r");
  await runRescue({ terminal, log, error, allowShell: false });
  expect(did[0]).toBe("discard");
});

test("of several keys the first that is a choice counts, in either case of letters", async () => {
  const { terminal, screen } = desk("\x1bx9L\x02bp", "R");
  await expect(runRescue({ terminal, log, error, allowShell: false })).resolves.toBe(EXIT_RETRY);
  expect(screen()).toMatch(/Choose: l\n\n\[ {4}1\.00\] a line of the log\n[^]*Choose: r\n$/);
});

test("without leave there is no shell, neither in the menu nor behind its key", async () => {
  const { terminal, screen } = desk("s", "r");
  const ended = runRescue({ terminal, log, error, allowShell: false });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(screen()).not.toMatch(/shell|lent/);
  terminal.listen(() => {});
  void ended;
});

test("with leave there is one", async () => {
  const { terminal, screen } = desk("r");
  await runRescue({ terminal, log, error, allowShell: true });
  expect(screen()).toContain("s  shell");
});

test("without a terminal pid 1 is told", async () => {
  await expect(runRescue({ terminal: undefined, log, error, allowShell: true })).resolves.toBe(EXIT_FAILED);
});
