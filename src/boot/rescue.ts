import { setTimeout as pause } from "node:timers/promises";
import { explain } from "../core/errors.ts";
import { printable } from "../core/quote.ts";
import { exec } from "./exec.ts";
import type { Console } from "./console.ts";
import type { BootLog } from "./log.ts";

/** Exit statuses of the boot program that rc.d/init acts on. */
export const EXIT_HANDED_OVER = 0;
export const EXIT_FAILED = 1;
export const EXIT_RETRY = 75;

const SYNC_WITHIN_MS = 5000;
const LOWER_CASE = 0x20; // the bit that tells ASCII's letters apart

export interface RescueOptions {
  terminal: Console | undefined;
  log: BootLog;
  /** What ended the boot. */
  error: unknown;
  /** Only in an image that serves no encrypted kind. */
  allowShell: boolean;
}

interface Choice {
  key: string;
  text: string;
  /** Gives an exit status for pid 1, or nothing to show the menu again. */
  run(): Promise<number | void>;
}

/** Says what went wrong and lets the person choose what to do. Returns the exit status for pid 1. */
export async function runRescue({ terminal, log, error, allowShell }: RescueOptions): Promise<number> {
  log.debug(`failed: ${explain(error)}`);
  if (terminal === undefined) return EXIT_FAILED;
  const choices = listChoices(terminal, log, allowShell);
  terminal.discard(); // what was meant for a prompt is no choice
  terminal.write(`\n${printable(explain(error))}\n`);
  for (;;) {
    terminal.write(`\n${choices.map(({ key, text }) => `  ${key}  ${text}`).join("\n")}\nChoose: `);
    const choice = await readChoice(terminal, choices);
    terminal.write(`${choice.key}\n`);
    const status = await choice.run().catch((failure: unknown) => terminal.write(`\n${printable(explain(failure))}\n`));
    if (typeof status === "number") return status;
  }
}

function listChoices(terminal: Console, log: BootLog, allowShell: boolean): Choice[] {
  const choices: Choice[] = [
    { key: "r", text: "retry", run: async () => EXIT_RETRY },
    { key: "l", text: "show the log", run: async () => terminal.write(`\n${log.lines().join("\n")}\n`) },
    { key: "b", text: "reboot", run: () => endMachine("reboot") },
    { key: "p", text: "power off", run: () => endMachine("poweroff") },
  ];
  // The policy of an encrypted image: whoever sits at the keyboard gets no shell, however often they fail.
  if (allowShell) choices.push({ key: "s", text: "shell", run: () => runShell(terminal, "A shell. `exit` comes back here.") });
  return choices;
}

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

async function endMachine(program: "reboot" | "poweroff"): Promise<undefined> {
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
