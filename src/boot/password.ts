import { setTimeout as pause } from "node:timers/promises";
import { checkPassword } from "../core/rescue/password.ts";
import type { Console } from "./console.ts";
import { countUp } from "./counter.ts";
import { RUN_DIRECTORY } from "./log.ts";
import { createSecretLine } from "./tui/secret-line.ts";

/** How often it was wrong, since the machine started: a retry of the boot begins with no fresh count. */
const COUNT_FILE = `${RUN_DIRECTORY}/wrong-passwords`;
const LONGEST_DELAY_SECONDS = 60;
/** Wrong ones in a row, after which the menu is back. */
const ATTEMPTS = 3;
const [LINE_FEED, RETURN] = [0x0a, 0x0d];

/** Where and how this waits; tests have others. */
const MACHINE = { countFile: COUNT_FILE, pause: (ms: number): Promise<unknown> => pause(ms) };

/**
 * Asks for the password that the configuration set. True when it was typed; false after three wrong ones, or an empty line. Each
 * wrong one makes the next wait longer: 1, 2, 4 … 60 seconds, in which keys are dropped.
 */
export async function askPassword(terminal: Console, hash: string, machine = MACHINE): Promise<boolean> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    terminal.write("Password of this image (Enter alone goes back): ");
    const password = await readPassword(terminal);
    terminal.write("\n");
    if (password === undefined) return false;
    try {
      if (await checkPassword(password, hash)) return true;
    } finally {
      password.fill(0);
    }
    const wrong = countUp(machine.countFile);
    const seconds = Math.min(2 ** Math.min(wrong - 1, 10), LONGEST_DELAY_SECONDS);
    terminal.write(`Wrong password. ${seconds} s until the next.\n`);
    await machine.pause(seconds * 1000);
    terminal.discard();
  }
  return false;
}

/** What was typed up to Enter; undefined for nothing. It is not shown, and neither is its length. */
function readPassword(terminal: Console): Promise<Buffer | undefined> {
  const line = createSecretLine();
  return new Promise((resolve) => {
    const stop = terminal.listen((bytes) => {
      const isEnter = bytes.some((byte) => byte === RETURN || byte === LINE_FEED);
      line.feed(bytes);
      if (!line.done && !(isEnter && line.count === 0)) return;
      stop();
      resolve(line.done ? line.take() : undefined);
    });
  });
}
