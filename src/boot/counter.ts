import { readFileSync, writeFileSync } from "node:fs";

/** How many were counted in a file of /run; 0 where there is none. */
export function readCount(file: string): number {
  try {
    const count = Number(readFileSync(file, "latin1"));
    return Number.isSafeInteger(count) ? count : 0;
  } catch {
    return 0;
  }
}

/** Counts one more, so that a retry of the boot goes on counting; gives how many there are. What can't be counted is endless. */
export function countUp(file: string): number {
  const count = readCount(file) + 1;
  try {
    writeFileSync(file, String(count), { mode: 0o600 });
    return count;
  } catch {
    return Infinity;
  }
}
