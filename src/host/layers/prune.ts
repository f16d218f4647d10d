import { readdirSync, rmSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";

const DAY_MS = 24 * 60 * 60 * 1000;
const KEEP_MS = 30 * DAY_MS;
/** A temporary file this old is of a build that was killed. */
const ABANDONED_MS = DAY_MS;

/** Removes layers, snapshots and bundled scripts that no build used for 30 days, and what killed builds left. Never throws: it only saves room. */
export function pruneBuilt(cacheDirectory: string, now = Date.now()): void {
  for (const name of list(cacheDirectory)) {
    const built = /^[0-9a-f]{64}\.cpio(\.size)?$|^[0-9a-f]{32}\.(json|blob(\.crc32)?)$/.test(name);
    const temporary = /^[0-9a-f]{64}\.cpio\.\d+\.\d+(\.size)?$|^[0-9a-f]{32}\.json\.\d+$|^\.new-/.test(name);
    if (!built && !temporary) continue;
    const file = join(cacheDirectory, name);
    const used = statSync(join(cacheDirectory, built ? name.replace(/\.(size|crc32)$/, "") : name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (now - used > (built ? KEEP_MS : ABANDONED_MS)) rmSync(file, { force: true, recursive: true });
  }
}

/** Lets pruning know that a file is of use; to the day, so that what is remembered of it by its times holds as long. */
export function markUsed(file: string, now = Date.now()): void {
  try {
    if (now - statSync(file).mtimeMs > DAY_MS) utimesSync(file, now / 1000, now / 1000);
  } catch {
    // A cache that can't be written keeps it all the same.
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory).sort().reverse(); // a .size or .crc32 before its file, whose time it goes by
  } catch {
    return [];
  }
}
