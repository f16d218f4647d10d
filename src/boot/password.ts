import { setTimeout as pause } from "node:timers/promises";
import { checkPassword } from "../core/rescue/password.ts";
import { countUp } from "./counter.ts";
import { RUN_DIRECTORY } from "./log.ts";
import type { Screen } from "./tui/screen.ts";

/** How often it was wrong, since the machine started: a retry of the boot begins with no fresh count. */
const COUNT_FILE = `${RUN_DIRECTORY}/wrong-passwords`;
const LONGEST_DELAY_SECONDS = 60;
/** Wrong ones in a row, after which the menu is back. */
const ATTEMPTS = 3;

/** Where and how this waits; tests have others. */
const MACHINE = { countFile: COUNT_FILE, pause: (ms: number): Promise<unknown> => pause(ms) };

/**
 * Asks for the password that the configuration set. True when it was typed; false after three wrong ones, or an empty line. Each
 * wrong one makes the next wait longer: 1, 2, 4 … 60 seconds, in which keys are dropped.
 */
export async function askPassword(screen: Pick<Screen, "ask" | "print">, hash: string, machine = MACHINE): Promise<boolean> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const password = (await screen.ask({ kind: "secret", title: "Password of this image", blind: true }))?.answer;
    if (password === undefined) return false;
    try {
      if (await checkPassword(password, hash)) return true;
    } finally {
      password.fill(0);
    }
    const wrong = countUp(machine.countFile);
    const seconds = Math.min(2 ** Math.min(wrong - 1, 10), LONGEST_DELAY_SECONDS);
    screen.print(`Wrong password. ${seconds} s until the next.`);
    await pauseBehindCover(screen, seconds, machine.pause);
  }
  return false;
}

/** While it waits nothing else is asked, or what is typed too early would go there. */
async function pauseBehindCover(screen: Pick<Screen, "ask">, seconds: number, wait: (ms: number) => Promise<unknown>): Promise<void> {
  const over = new AbortController();
  const cover = screen.ask({ kind: "choice", title: `The password is asked for again in ${seconds} s.`, items: [], back: false }, over.signal);
  await Promise.race([wait(seconds * 1000), cover]);
  over.abort();
  await cover;
}
