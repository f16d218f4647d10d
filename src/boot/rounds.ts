import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { countUp, readCount } from "./counter.ts";
import { RUN_DIRECTORY } from "./log.ts";

/**
 * Rounds of wrong passphrases since the machine started: each attempt of the boot in which one was wrong, however it ended.
 * They are kept in /run, so that a retry or a crash begins no fresh count.
 */
export interface Rounds {
  /** A passphrase was wrong: a round has begun. */
  begin(): void;
  /** Counts the round that has begun, if one has; whether there are to be no more. */
  end(): boolean;
}

/** `most` rounds, and nobody is asked any more. What can't be kept counts as the last one. */
export function createRounds(most: number, directory = RUN_DIRECTORY): Rounds {
  const [begun, count] = [join(directory, "wrong-passphrase"), join(directory, "exhausted-rounds")];
  let isUnkept = false;
  return {
    begin() {
      try {
        writeFileSync(begun, "", { mode: 0o600 });
      } catch {
        isUnkept = true;
      }
    },
    end() {
      if (isUnkept) return true;
      if (!existsSync(begun)) return readCount(count) >= most;
      const counted = countUp(count);
      rmSync(begun, { force: true });
      return counted >= most;
    },
  };
}
