import { setTimeout as pause } from "node:timers/promises";
import { explain, MkinitrdError } from "../core/errors.ts";
import { printable } from "../core/quote.ts";
import type { Rescue } from "./config.ts";
import type { BootLog } from "./log.ts";
import { chooseFrom, type EndMachine, listChoices, type MenuOptions } from "./menu.ts";
import { createRounds, type Rounds } from "./rounds.ts";
import type { Screen } from "./tui/screen.ts";

/** Exit statuses of the boot program that rc.d/init acts on, beside EXIT_RETRY. */
export const EXIT_HANDED_OVER = 0;
export const EXIT_FAILED = 1;

/** How long somebody may read what happened, when no passphrase may be tried any more. */
const EXHAUSTED_MS = 5 * 60_000;

export interface RescueOptions {
  screen: Screen;
  log: BootLog;
  /** What ended the boot. */
  error: unknown;
  policy: Rescue;
  /** Ends the machine; a test has another one. */
  endMachine?: EndMachine | undefined;
  rounds?: Rounds;
  more?: MenuOptions["more"];
}

/** Says what went wrong, and does what the image's policy says or the person chooses. Returns the exit status for pid 1. */
export async function runRescue({ screen, log, error, policy, rounds = createRounds(policy.rounds), ...options }: RescueOptions): Promise<number> {
  log.debug(`failed: ${explain(error)}`);
  if (error instanceof MkinitrdError && error.exhausted) rounds.begin();
  const isLast = rounds.end();
  const all = listChoices({ screen, lines: log.lines, policy, ...options });
  const run = async (key: string | undefined) => all.find((choice) => choice.key === key)?.run(undefined);
  if (screen.terminals.length === 0) return withoutConsole(policy, run);
  for (const terminal of screen.terminals) terminal.discard(); // what was meant for a prompt is no choice
  screen.print(`\n${printable(explain(error))}`);
  if (isLast) return lastMenu({ screen, log, policy, ...options });
  const unattended = all.find(({ key }) => key === UNATTENDED[policy.onFailure]);
  if (unattended !== undefined && !(await screen.keyPressed(`${unattended.text} in ${policy.delayMs / 1000} s; a key leads to the menu`, policy.delayMs))) {
    const status = await unattended.run(undefined);
    if (typeof status === "number") return status;
  }
  return (await chooseFrom(screen, WHAT_NOW, all)) ?? EXIT_FAILED;
}

/** What is left behind the last round: to read what happened, for some time. */
export async function lastMenu({ screen, log, policy, endMachine }: Pick<RescueOptions, "screen" | "log" | "policy" | "endMachine">): Promise<number> {
  const left = listChoices({ screen, lines: log.lines, policy, endMachine }).filter(({ key }) => LAST_KEYS.includes(key));
  screen.print(`\nNo more passphrases are tried; the machine reboots in ${EXHAUSTED_MS / 60_000} minutes.`);
  void pause(EXHAUSTED_MS).then(() => left.find(({ key }) => key === "b")?.run(undefined)).catch((failure: unknown) => screen.print(printable(explain(failure))));
  return (await chooseFrom(screen, WHAT_NOW, left)) ?? EXIT_FAILED;
}

/** Nobody can be asked: what the policy says, else pid 1's own menu. */
async function withoutConsole({ onFailure, delayMs }: Rescue, run: (key: string | undefined) => Promise<unknown>): Promise<number> {
  if (onFailure === "reboot" || onFailure === "poweroff") {
    await pause(delayMs);
    await run(UNATTENDED[onFailure]);
  }
  return EXIT_FAILED;
}

const WHAT_NOW = "What now?";
/** What is left when no passphrase may be tried any more. */
const LAST_KEYS = ["l", "b", "p"];
const UNATTENDED = { menu: undefined, reboot: "b", poweroff: "p", shell: "s" };
