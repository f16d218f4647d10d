import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

const KEEP_MS = 30 * 24 * 60 * 60 * 1000;
/** A temporary file this old is of a build that was killed. */
const ABANDONED_MS = 24 * 60 * 60 * 1000;

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

function list(directory: string): string[] {
  try {
    return readdirSync(directory).sort().reverse(); // a .size or .crc32 before its file, whose time it goes by
  } catch {
    return [];
  }
}
