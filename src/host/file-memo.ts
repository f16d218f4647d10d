import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import { hex32 } from "../core/errors.ts";
import { makeCacheDirectory } from "./cache.ts";

/**
 * What was once worked out from a file (its hash, the firmware that it names), kept until the file changes: so that a second
 * build reads nothing big. A file counts as unchanged while size, times and inode are the same.
 */
export interface FileMemo {
  /** What `compute` gives for the file, from the memo where it knows. `purpose` tells several values of one file apart. */
  get<T>(file: string, purpose: string, compute: () => Promise<T>): Promise<T>;
  /** Writes what is new, aside and by rename; another build at the same time loses nothing but time. */
  save(): void;
}

interface Remembered {
  stamp: string;
  value: unknown;
  /** Day of the last use, to forget what is gone. */
  day: number;
}

const KEEP_DAYS = 60;
/** A file that changed this lately may change again within the same tick of the clock: it is not remembered. */
const SETTLED_MS = 2000;

/** The memo in `path`, a CRC-32 and JSON; one that is missing or damaged is an empty one. */
export function openFileMemo(path: string): FileMemo {
  const today = Math.floor(Date.now() / 86_400_000);
  const known = load(path);
  const running = new Map<string, Promise<unknown>>();
  let changed = false;
  return {
    async get<T>(file: string, purpose: string, compute: () => Promise<T>): Promise<T> {
      const key = `${purpose}\0${file}`;
      const same = running.get(key) as Promise<T> | undefined;
      if (same !== undefined) return same;
      const { stamp, settled } = stampOf(file);
      const remembered = known.get(key);
      if (remembered?.stamp === stamp) {
        if (remembered.day !== today) changed = true;
        remembered.day = today;
        return remembered.value as T;
      }
      const computing = compute();
      running.set(key, computing);
      const value = await computing;
      if (settled && stampOf(file).stamp === stamp) {
        known.set(key, { stamp, value, day: today });
        changed = true;
      }
      return value;
    },
    save() {
      if (!changed) return;
      const merged = new Map([...load(path), ...known].filter(([, { day }]) => day > today - KEEP_DAYS));
      const text = JSON.stringify(Object.fromEntries(merged));
      write(path, `${checksum(text)}\n${text}`);
      changed = false;
    },
  };
}

function stampOf(file: string): { stamp: string; settled: boolean } {
  const { size, mtimeNs, ctimeNs, ino, dev, mtimeMs, ctimeMs } = statSync(file, { bigint: true });
  const newest = Number(mtimeMs > ctimeMs ? mtimeMs : ctimeMs);
  return { stamp: [size, mtimeNs, ctimeNs, ino, dev].join(" "), settled: Date.now() - newest > SETTLED_MS };
}

function load(path: string): Map<string, Remembered> {
  try {
    const text = readFileSync(path, "utf8");
    const end = text.indexOf("\n");
    const json = text.slice(end + 1);
    return text.slice(0, end) === checksum(json) ? new Map(Object.entries(JSON.parse(json) as Record<string, Remembered>)) : new Map();
  } catch {
    return new Map();
  }
}

/** What is wrong in it would be wrong in an image. */
function checksum(text: string): string {
  return hex32(crc32(text));
}

/** The memo saves time and nothing else: a cache that can't be written is no error. */
function write(path: string, text: string): void {
  const aside = `${path}.${process.pid}`;
  try {
    makeCacheDirectory(dirname(path));
    writeFileSync(aside, text, { mode: 0o600 });
    try {
      renameSync(aside, path);
    } finally {
      rmSync(aside, { force: true });
    }
  } catch {
    // The next build works it out again.
  }
}
