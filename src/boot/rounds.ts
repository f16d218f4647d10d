import { readFileSync, writeFileSync } from "node:fs";
import { RUN_DIRECTORY } from "./log.ts";

const FILE = `${RUN_DIRECTORY}/exhausted-rounds`;

/** Counts one more round of wrong passphrases since the machine started, and gives how many there are. */
export function countRound(file = FILE): number {
  let before = 0;
  try {
    before = Number(readFileSync(file, "latin1"));
  } catch {
    // The first one.
  }
  const rounds = (Number.isSafeInteger(before) ? before : 0) + 1;
  try {
    writeFileSync(file, String(rounds), { mode: 0o600 });
    return rounds;
  } catch {
    return Infinity; // what can't be counted is the last
  }
}
