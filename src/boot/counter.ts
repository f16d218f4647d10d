import { readFileSync, writeFileSync } from "node:fs";

/** Counts one more in a file of /run, so that a retry of the boot goes on counting; gives how many there are. What can't be counted is endless. */
export function countUp(file: string): number {
  let before = 0;
  try {
    before = Number(readFileSync(file, "latin1"));
  } catch {
    // The first one.
  }
  const count = (Number.isSafeInteger(before) ? before : 0) + 1;
  try {
    writeFileSync(file, String(count), { mode: 0o600 });
    return count;
  } catch {
    return Infinity;
  }
}
