import { afterEach, expect, test } from "vitest";
import type { Rescue } from "../../src/boot/config.ts";
import { EXIT_RETRY } from "../../src/boot/menu.ts";
import { EXIT_FAILED, runRescue, type RescueOptions } from "../../src/boot/rescue.ts";
import { createScreen, type Screen } from "../../src/boot/tui/screen.ts";
import { MkinitrdError } from "../../src/core/errors.ts";
import { DEFAULT_RESCUE } from "../../src/core/rc/boot-config.ts";
import { createDesk, type Desk } from "./tui/desk.ts";

const NEVER: Rescue = { ...DEFAULT_RESCUE, shell: "never" };
const OPEN: Rescue = { ...DEFAULT_RESCUE, shell: "open" };
const log = { step() {}, warn() {}, debug() {}, mark() {}, show() {}, lines: () => ["[    1.00] a line of the log"] };
const error = new MkinitrdError({ tried: "mounting", on: "/dev/vda1", found: "label \x1b[2J", next: "look" });
const exhausted = new MkinitrdError({ tried: "unlocking", on: "/dev/vda2", found: "3 passphrases, none fits", exhausted: true });

/** The round that ends is the last one, or not. */
const rounds = (isLast: boolean) => ({ begin() {}, end: () => isLast });

let screens: Screen[] = [];
afterEach(async () => {
  for (const screen of screens) await screen.close();
  screens = [];
});

/** The rescue on an emulated terminal; with `keys` these are pressed when the menu asks for one. */
async function rescue(policy: Rescue, keys = "", options: Partial<RescueOptions> = {}) {
  const desk = createDesk();
  const screen = createScreen({ terminals: [desk.terminal] });
  screens.push(screen);
  const ended = Promise.withResolvers<string>();
  const endMachine = (program: string) => (ended.resolve(program), new Promise<undefined>(() => {}));
  const status = runRescue({ screen, log, error, policy, endMachine, ...options });
  void status.catch(() => {});
  if (keys !== "") await press(desk, keys);
  return { ...desk, status, ended: ended.promise };
}

async function press(desk: Desk, keys: string): Promise<void> {
  await desk.shows(/Choose: _/);
  await expect.poll(desk.isRead).toBe(true);
  desk.type(keys);
}

test("the error is shown without what a disk put in it, and r is a retry", async () => {
  const { status, text } = await rescue(NEVER, "r");
  await expect(status).resolves.toBe(EXIT_RETRY);
  expect(text()).toContain("mounting on /dev/vda1: label ?[2J\n  next: look\n");
});

test("keys that were meant for a prompt are dropped before the menu listens", async () => {
  const desk = createDesk();
  const screen = createScreen({ terminals: [desk.terminal] });
  screens.push(screen);
  desk.type("rrbp");
  const status = runRescue({ screen, log, error, policy: NEVER, endMachine: () => Promise.reject(new Error("a dropped key was taken")) });
  await press(desk, "\x1bx9L");
  await desk.shows(/The log, lines 1 to 1 of 1[^]*a line of the log/);
  desk.type("q");
  await press(desk, "R");
  await expect(status).resolves.toBe(EXIT_RETRY);
});

test("without leave there is no shell, neither in the menu nor behind its key", async () => {
  const { status, screen, type } = await rescue(NEVER, "sS");
  expect(screen()).not.toContain("shell");
  type("r");
  await expect(status).resolves.toBe(EXIT_RETRY);
});

test("with leave there is one", async () => {
  const { shows } = await rescue(OPEN);
  await shows(/s {2}shell +│/);
});

test("without a terminal pid 1 is told", async () => {
  await expect(runRescue({ screen: createScreen({ terminals: [] }), log, error, policy: OPEN })).resolves.toBe(EXIT_FAILED);
});

test.each(["reboot", "poweroff"] as const)("a policy of %s ends the machine when nobody presses a key", async (onFailure) => {
  const { ended, text } = await rescue({ ...NEVER, onFailure, delayMs: 20 });
  expect(await ended).toBe(onFailure);
  await expect.poll(text).toMatch(/mounting on .*\n[^]*in 0\.02 s; a key leads to the menu/);
});

test("a key in that time leads to the menu", async () => {
  const desk = await rescue({ ...NEVER, onFailure: "reboot", delayMs: 20_000 });
  await desk.shows(/a key leads to the menu/);
  desk.type("x");
  await press(desk, "r");
  await expect(desk.status).resolves.toBe(EXIT_RETRY);
});

test("a policy needs no console to end the machine", async () => {
  const ended = Promise.withResolvers<string>();
  void runRescue({
    screen: createScreen({ terminals: [] }), log, error, policy: { ...NEVER, onFailure: "poweroff", delayMs: 0 },
    endMachine: (program) => (ended.resolve(program), new Promise(() => {})),
  });
  expect(await ended.promise).toBe("poweroff");
});

test("behind the last round of wrong passphrases there is no retry, whatever is pressed", async () => {
  const { ended, text } = await rescue(OPEN, "rRsS\x1b\x03b", { error: exhausted, rounds: rounds(true) });
  expect(await ended).toBe("reboot");
  await expect.poll(text).toMatch(/No more passphrases are tried; the machine reboots in 5 minutes/);
  expect(text()).not.toMatch(/retry|shell/);
});

test("before that there is", async () => {
  await expect((await rescue(NEVER, "r", { error: exhausted, rounds: rounds(false) })).status).resolves.toBe(EXIT_RETRY);
});

test("a boot in which a passphrase was wrong has used up its round, whatever it ended with", async () => {
  const { shows, screen } = await rescue(OPEN, "", { rounds: rounds(true) });
  await shows(/No more passphrases are tried[^]*Choose:/);
  expect(screen()).not.toMatch(/retry|shell/);
});

test("an image with a password offers the shell with it", async () => {
  const desk = await rescue({ ...NEVER, shell: "password", passwordHash: "$argon2id$…" });
  await desk.shows(/s {2}shell, with the password/);
  await press(desk, "s");
  await desk.shows(/Password of this image[^]*> _/);
  desk.type("\r");
  await press(desk, "r");
  await expect(desk.status).resolves.toBe(EXIT_RETRY);
});

test("what goes wrong behind a choice is shown, and the menu is back", async () => {
  const desk = await rescue(NEVER, "b", { endMachine: () => Promise.reject(new MkinitrdError({ tried: "rebooting", on: "this machine", found: "it does not" })) });
  await desk.shows(/rebooting on this machine: it does not/);
  await press(desk, "r");
  await expect(desk.status).resolves.toBe(EXIT_RETRY);
});
