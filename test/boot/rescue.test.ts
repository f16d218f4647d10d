import { expect, test } from "vitest";
import type { Console } from "../../src/boot/console.ts";
import { EXIT_FAILED, EXIT_RETRY, runRescue } from "../../src/boot/rescue.ts";
import type { Rescue } from "../../src/boot/config.ts";
import { DEFAULT_RESCUE } from "../../src/core/rc/boot-config.ts";
import { MkinitrdError } from "../../src/core/errors.ts";

const NEVER: Rescue = { ...DEFAULT_RESCUE, shell: "never" };
const OPEN: Rescue = { ...DEFAULT_RESCUE, shell: "open" };
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
  await expect(runRescue({ terminal, log, error, policy: NEVER })).resolves.toBe(EXIT_RETRY);
  expect(screen()).toContain("mounting on /dev/vda1: label ?[2J\n  next: look\n");
});

test("keys that were meant for a prompt are dropped before the menu listens", async () => {
  const { terminal, did } = desk("r");
  await runRescue({ terminal, log, error, policy: NEVER });
  expect(did[0]).toBe("discard");
});

test("of several keys the first that is a choice counts, in either case of letters", async () => {
  const { terminal, screen } = desk("\x1bx9L\x02bp", "R");
  await expect(runRescue({ terminal, log, error, policy: NEVER })).resolves.toBe(EXIT_RETRY);
  expect(screen()).toMatch(/Choose: l\n\n\[ {4}1\.00\] a line of the log\n[^]*Choose: r\n$/);
});

test("without leave there is no shell, neither in the menu nor behind its key", async () => {
  const { terminal, screen } = desk("s", "r");
  const ended = runRescue({ terminal, log, error, policy: NEVER });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(screen()).not.toMatch(/shell|lent/);
  terminal.listen(() => {});
  void ended;
});

test("with leave there is one", async () => {
  const { terminal, screen } = desk("r");
  await runRescue({ terminal, log, error, policy: OPEN });
  expect(screen()).toContain("s  shell");
});

test("without a terminal pid 1 is told", async () => {
  await expect(runRescue({ terminal: undefined, log, error, policy: OPEN })).resolves.toBe(EXIT_FAILED);
});

test.each([
  { onFailure: "reboot", program: "reboot" },
  { onFailure: "poweroff", program: "poweroff" },
] as const)("a policy of $onFailure ends the machine when nobody presses a key", async ({ onFailure, program }) => {
  const { terminal, screen } = desk();
  const ended = await ending((endMachine) => runRescue({ terminal, log, error, policy: { ...NEVER, onFailure, delayMs: 20 }, endMachine }));
  expect(ended).toBe(program);
  expect(screen()).toMatch(/mounting on .*\n[^]*in 0\.02 s; a key leads to the menu/);
});

test("a key in that time leads to the menu", async () => {
  const { terminal, screen } = desk("x", "r");
  await expect(runRescue({ terminal, log, error, policy: { ...NEVER, onFailure: "reboot", delayMs: 20_000 }, endMachine: unexpected })).resolves.toBe(EXIT_RETRY);
  expect(screen()).toMatch(/a key leads to the menu\n[^]*Choose: r\n$/);
});

test("a policy needs no console to end the machine", async () => {
  await expect(ending((endMachine) => runRescue({ terminal: undefined, log, error, policy: { ...NEVER, onFailure: "poweroff", delayMs: 0 }, endMachine }))).resolves.toBe("poweroff");
});

test("behind the last round of wrong passphrases there is no retry, whatever is pressed", async () => {
  const exhausted = new MkinitrdError({ tried: "unlocking", on: "/dev/vda2", found: "3 passphrases, none fits", exhausted: true });
  const { terminal, screen } = desk("rRsS\x1b\x03b");
  const ended = await ending((endMachine) => runRescue({ terminal, log, error: exhausted, policy: OPEN, endMachine, countRound: () => 3 }));
  expect(ended).toBe("reboot");
  expect(screen()).toMatch(/No more passphrases are tried; the machine reboots in 5 minutes/);
  expect(screen()).not.toMatch(/retry|shell/);
});

test("before that there is, and other errors are no rounds", async () => {
  const exhausted = new MkinitrdError({ tried: "unlocking", on: "/dev/vda2", found: "3 passphrases, none fits", exhausted: true });
  await expect(runRescue({ terminal: desk("r").terminal, log, error: exhausted, policy: NEVER, countRound: () => 2 })).resolves.toBe(EXIT_RETRY);
  await expect(runRescue({ terminal: desk("r").terminal, log, error, policy: NEVER, countRound: () => 99 })).resolves.toBe(EXIT_RETRY);
});

test("an image with a password offers the shell with it", async () => {
  const { terminal, screen } = desk("s", "\r", "r");
  await runRescue({ terminal, log, error, policy: { ...NEVER, shell: "password", passwordHash: "$argon2id$…" } });
  expect(screen()).toMatch(/s  shell, with the password[^]*Choose: s\nPassword of this image \(Enter alone goes back\): \n[^]*Choose: r/);
  expect(screen()).not.toContain("lent");
});

/** Which end of the machine came. */
function ending(run: (endMachine: (program: "reboot" | "poweroff") => Promise<undefined>) => Promise<number>): Promise<string> {
  return new Promise((resolve, reject) => {
    run((program) => {
      resolve(program);
      return new Promise<undefined>(() => {});
    }).then((status) => reject(new Error(`it went on with ${status}`)), reject);
  });
}

const unexpected = (program: string) => Promise.reject(new Error(`${program} was not to be`));
