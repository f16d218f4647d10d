import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { MkinitrdError } from "../../core/errors.ts";
import { describeIoError } from "../read-text.ts";
import { withTemporary } from "../temporary.ts";

/** Beside a part stands the number of the process that writes it. */
const lockOf = (part: string): string => `${part}.lock`;

/** Runs `use` while this process alone writes a part. Throws when another one does; a lock whose process has ended is none. */
export async function withPartLock<T>(part: string, use: () => Promise<T>): Promise<T> {
  const lock = lockOf(part);
  if (!take(lock)) {
    const holder = holderOf(lock);
    if (holder === undefined || isRunning(holder)) throw locked(part, lock, holder);
    rmSync(lock, { force: true });
    if (!take(lock)) throw locked(part, lock, holderOf(lock));
  }
  return withTemporary(lock, use);
}

/** False when it is somebody's. */
function take(lock: string): boolean {
  try {
    writeFileSync(lock, `${process.pid}\n`, { flag: "wx", mode: 0o600 });
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw new MkinitrdError({ tried: "writing the dump", on: lock, found: describeIoError(cause), next: "make room, or choose another place: -o FILE", cause });
  }
}

/** Undefined when it says no number: it is none of ours, or just being written. */
function holderOf(lock: string): number | undefined {
  try {
    const [, pid] = /^([1-9]\d{0,9})\n$/.exec(readFileSync(lock, "utf8")) ?? [];
    return pid === undefined ? undefined : Number(pid);
  } catch {
    return undefined;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH"; // EPERM: it is another user's
  }
}

function locked(part: string, lock: string, holder: number | undefined): MkinitrdError {
  return new MkinitrdError({
    tried: "writing the dump", on: part, found: holder === undefined ? `${lock} is there, and says no process that writes it` : `another dump writes it: process ${holder}, as ${lock} says`,
    next: `wait until it has ended, or name another file: -o FILE; if no dump is under way, remove ${lock}`,
  });
}
