import { setTimeout as pause } from "node:timers/promises";
import { explain, MkinitrdError } from "../core/errors.ts";
import { printable } from "../core/quote.ts";
import type { Rescue } from "./config.ts";
import { exec } from "./exec.ts";
import type { Console } from "./console.ts";
import { countUp } from "./counter.ts";
import { type BootLog, RUN_DIRECTORY } from "./log.ts";
import { askPassword } from "./password.ts";

/** Exit statuses of the boot program that rc.d/init acts on. */
export const EXIT_HANDED_OVER = 0;
export const EXIT_FAILED = 1;
export const EXIT_RETRY = 75;

/** How often all attempts at a passphrase were used up, since the machine started. */
const ROUNDS_FILE = `${RUN_DIRECTORY}/exhausted-rounds`;
const SYNC_WITHIN_MS = 5000;
const LOWER_CASE = 0x20; // the bit that tells ASCII's letters apart
/** How long somebody may read what happened, when no passphrase may be tried any more. */
const EXHAUSTED_MS = 5 * 60_000;

export interface RescueOptions {
  terminal: Console | undefined;
  log: BootLog;
  /** What ended the boot. */
  error: unknown;
  policy: Rescue;
  /** Ends the machine; a test has another one. */
  endMachine?: (program: "reboot" | "poweroff") => Promise<undefined>;
  countRound?: () => number;
}

interface Choice {
  key: string;
  text: string;
  /** Gives an exit status for pid 1, or nothing to show the menu again. */
  run(): Promise<number | void>;
}

/** Says what went wrong, and does what the image's policy says or the person chooses. Returns the exit status for pid 1. */
export async function runRescue({ terminal, log, error, policy, endMachine = end, countRound = () => countUp(ROUNDS_FILE) }: RescueOptions): Promise<number> {
  log.debug(`failed: ${explain(error)}`);
  const isLast = error instanceof MkinitrdError && error.exhausted && countRound() >= policy.rounds;
  if (terminal === undefined) return withoutConsole(policy, endMachine);
  terminal.discard(); // what was meant for a prompt is no choice
  terminal.write(`\n${printable(explain(error))}\n`);
  const all = listChoices(terminal, log, policy, endMachine);
  if (isLast) {
    terminal.write(`\nNo more passphrases are tried; the machine reboots in ${EXHAUSTED_MS / 60_000} minutes.\n`);
    return choose(terminal, all.filter(({ key }) => LAST_KEYS.includes(key)), pause(EXHAUSTED_MS).then(() => endMachine("reboot")));
  }
  const unattended = UNATTENDED[policy.onFailure];
  const automatic = all.find(({ key }) => key === unattended);
  if (automatic !== undefined && !(await keyPressed(terminal, `${automatic.text} in ${policy.delayMs / 1000} s; a key leads to the menu`, policy.delayMs))) {
    const status = await automatic.run();
    if (typeof status === "number") return status;
  }
  return choose(terminal, all);
}

/** Nobody can be asked: what the policy says, else pid 1's own menu. */
async function withoutConsole({ onFailure, delayMs }: Rescue, endMachine: (program: "reboot" | "poweroff") => Promise<undefined>): Promise<number> {
  if (onFailure === "reboot" || onFailure === "poweroff") {
    await pause(delayMs);
    await endMachine(onFailure);
  }
  return EXIT_FAILED;
}

/** What is left when no passphrase may be tried any more. */
const LAST_KEYS = ["l", "b", "p"];
const UNATTENDED = { menu: undefined, reboot: "b", poweroff: "p", shell: "s" };

/** Shows the menu until a choice gives an exit status, or `otherwise` ends the machine. */
async function choose(terminal: Console, choices: Choice[], otherwise?: Promise<undefined>): Promise<number> {
  void otherwise?.catch(() => {});
  for (;;) {
    terminal.write(`\n${choices.map(({ key, text }) => `  ${key}  ${text}`).join("\n")}\nChoose: `);
    const choice = await readChoice(terminal, choices);
    terminal.write(`${choice.key}\n`);
    const status = await choice.run().catch((failure: unknown) => terminal.write(`\n${printable(explain(failure))}\n`));
    if (typeof status === "number") return status;
  }
}

/** Whether somebody pressed a key in this time. */
async function keyPressed(terminal: Console, text: string, withinMs: number): Promise<boolean> {
  terminal.write(`\n${text}\n`);
  let stop = () => {};
  const pressed = new Promise<boolean>((resolve) => {
    stop = terminal.listen(() => resolve(true));
  });
  try {
    return await Promise.race([pressed, pause(withinMs, false)]);
  } finally {
    stop();
  }
}

function listChoices(terminal: Console, log: BootLog, { shell, passwordHash }: Rescue, endMachine: (program: "reboot" | "poweroff") => Promise<undefined>): Choice[] {
  const choices: Choice[] = [
    { key: "r", text: "retry", run: async () => EXIT_RETRY },
    { key: "l", text: "show the log", run: async () => terminal.write(`\n${log.lines().join("\n")}\n`) },
    { key: "b", text: "reboot", run: () => endMachine("reboot") },
    { key: "p", text: "power off", run: () => endMachine("poweroff") },
  ];
  // The policy of an encrypted image: whoever sits at the keyboard gets no shell, however often they fail.
  if (shell === "open") choices.push({ key: "s", text: "shell", run: () => runShell(terminal, SHELL) });
  if (shell === "password" && passwordHash !== undefined) {
    choices.push({ key: "s", text: "shell, with the password", run: async () => void ((await askPassword(terminal, passwordHash)) && (await runShell(terminal, SHELL))) });
  }
  return choices;
}

const SHELL = "A shell. `exit` comes back here.";

async function readChoice(terminal: Console, choices: Choice[]): Promise<Choice> {
  return new Promise((resolve) => {
    const stop = terminal.listen((bytes) => {
      for (const byte of bytes) {
        const choice = choices.find(({ key }) => key.charCodeAt(0) === (byte | LOWER_CASE));
        if (choice === undefined) continue;
        stop();
        return resolve(choice);
      }
    });
  });
}

async function end(program: "reboot" | "poweroff"): Promise<undefined> {
  // A disk that does not answer must not keep the machine up.
  await Promise.race([exec("sync", []).catch(() => {}), pause(SYNC_WITHIN_MS)]);
  await exec(program, ["-n", "-f"]);
  await new Promise(() => {}); // the kernel is on its way down
}

/** A shell on the terminal, until it ends. */
export async function runShell(terminal: Console, greeting: string): Promise<void> {
  terminal.write(`\n${greeting}\n`);
  // The leader of a session without a terminal gets the first that it opens as its own, with job control.
  await terminal.lend(() => exec("setsid", ["sh", "-c", 'exec sh -i <"$0" >"$0" 2>&1', terminal.name]).catch(() => {}));
}
