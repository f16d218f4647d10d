import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MkinitrdError } from "../core/errors.ts";
import { describeIoError } from "./read-text.ts";

const ENDINGS = ["exit", "SIGINT", "SIGTERM", "SIGHUP"] as const;

/** What is to be removed; somebody listens while there is any. */
const underWay = new Set<string>();

/** Runs `use`, then removes what is left at `path`, a file or a directory: also on an error, and when a signal ends us meanwhile. */
export async function withTemporary<T>(path: string, use: () => Promise<T>): Promise<T> {
  if (underWay.size === 0) for (const ending of ENDINGS) process.on(ending, onEnding);
  underWay.add(path);
  try {
    return await use();
  } finally {
    underWay.delete(path);
    if (underWay.size === 0) stopListening();
    remove(path);
  }
}

function onEnding(ending: number | NodeJS.Signals): void {
  for (const path of [...underWay].reverse()) remove(path);
  underWay.clear();
  stopListening();
  if (typeof ending === "string") process.kill(process.pid, ending); // where nobody else listens it ends us now
}

function stopListening(): void {
  for (const ending of ENDINGS) process.off(ending, onEnding);
}

/** A directory of its own among the temporary ones, for as long as `use` runs. */
export async function withTemporaryDirectory<T>(name: string, use: (directory: string) => Promise<T>): Promise<T> {
  const directory = makeTemporaryDirectory(join(tmpdir(), `mkinitrd-${name}-`));
  return withTemporary(directory, () => use(directory));
}

function makeTemporaryDirectory(prefix: string): string {
  try {
    return mkdtempSync(prefix);
  } catch (cause) {
    throw new MkinitrdError({ tried: "making a temporary directory", on: tmpdir(), found: describeIoError(cause), next: "name another place: TMPDIR=DIRECTORY", cause });
  }
}

/** An error here would hide why there is something to remove. */
function remove(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // It stays, as it would after a power cut.
  }
}
