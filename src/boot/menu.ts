import { setTimeout as pause } from "node:timers/promises";
import { explain } from "../core/errors.ts";
import { printable } from "../core/quote.ts";
import type { Rescue } from "./config.ts";
import type { Console } from "./console.ts";
import { exec } from "./exec.ts";
import { askPassword } from "./password.ts";
import type { Screen } from "./tui/screen.ts";

const SYNC_WITHIN_MS = 5000;

/** Keys of what stands in a list, in order. */
export const LIST_KEYS = "123456789abcdefghijklmnopqrstuvwxyz";

/** Exit status of the boot program for pid 1: begin anew. */
export const EXIT_RETRY = 75;

export type EndMachine = (program: "reboot" | "poweroff") => Promise<undefined>;

export interface Choice {
  key: string;
  text: string;
  /** Gives an exit status for pid 1, or nothing to show the menu again. `at` is the console that it was chosen on. */
  run(at: Console | undefined): Promise<number | void>;
}

export interface MenuOptions {
  screen: Screen;
  /** Everything that was logged. */
  lines(): string[];
  policy: Rescue;
  endMachine?: EndMachine | undefined;
  /** What the image offers beside what every image does; those with `guarded` are for whoever may have a shell. */
  more?: (Choice & { guarded?: boolean })[] | undefined;
}

/** What a person may choose, in the menu behind Escape and when a boot has failed. */
export function listChoices({ screen, lines, policy, endMachine = end, more = [] }: MenuOptions): Choice[] {
  const guarded = [...more.filter((choice) => choice.guarded === true), { key: "s", text: "shell", run: (at: Console | undefined) => runShell(screen, at, SHELL) }];
  return [
    { key: "r", text: "retry", run: async () => EXIT_RETRY },
    ...more.filter((choice) => choice.guarded !== true),
    { key: "l", text: "show the log", run: () => screen.read("The log", lines().flatMap((line) => line.split("\n"))) },
    { key: "b", text: "reboot", run: () => endMachine("reboot") },
    { key: "p", text: "power off", run: () => endMachine("poweroff") },
    ...guarded.flatMap((choice) => guard(screen, policy, choice)),
  ];
}

/** The policy of an encrypted image: whoever sits at the keyboard gets nothing of these, however often they fail. */
function guard(screen: Screen, { shell, passwordHash }: Rescue, choice: Choice): Choice[] {
  if (shell === "open") return [choice];
  if (shell !== "password" || passwordHash === undefined) return [];
  return [{ ...choice, text: `${choice.text}, with the password`, run: async (at) => ((await askPassword(screen, passwordHash)) ? choice.run(at) : undefined) }];
}

const SHELL = "A shell. `exit` comes back here.";

/**
 * Shows a menu until a choice gives an exit status. With `back` the person may leave it, which gives undefined.
 */
export async function chooseFrom(screen: Screen, title: string, choices: Choice[], { back = false }: { back?: boolean } = {}): Promise<number | undefined> {
  const items = choices.map(({ key, text }) => ({ key, text }));
  for (;;) {
    const answered = await screen.ask({ kind: "choice", title, items, back });
    const choice = answered?.answer === undefined ? undefined : choices[answered.answer];
    if (choice === undefined) return undefined;
    const status = await choice.run(answered?.at).catch((failure: unknown) => screen.print(`\n${printable(explain(failure))}`));
    if (typeof status === "number") return status;
    if (back) return undefined;
  }
}

async function end(program: "reboot" | "poweroff"): Promise<undefined> {
  // A disk that does not answer must not keep the machine up.
  await Promise.race([exec("sync", []).catch(() => {}), pause(SYNC_WITHIN_MS)]);
  await exec(program, ["-n", "-f"]);
  await new Promise(() => {}); // the kernel is on its way down
}

/** A shell on a terminal, until it ends; the last of them unless it was asked for on another one. */
export async function runShell(screen: Screen, at: Console | undefined, greeting: string): Promise<void> {
  const terminal = at ?? screen.terminals.at(-1);
  if (terminal === undefined) return;
  await screen.leave(async () => {
    terminal.write(`\n${greeting}\n`);
    // The leader of a session without a terminal gets the first that it opens as its own, with job control.
    await terminal.lend(() => exec("setsid", ["sh", "-c", 'exec sh -i <"$0" >"$0" 2>&1', terminal.name]).catch(() => {}));
  });
}
