import { closeSync, openSync, readSync } from "node:fs";
import { MkinitrdError } from "../core/errors.ts";

const MOST_BYTES = 1024 * 1024; // no configuration, recipe or script is near it; /dev/zero is

/** The text of a file that a person wrote, at most 1 MiB; a pipe is read to its end. Throws with `tried` and `next` of the caller. */
export function readText(path: string, { tried, next }: { tried: string; next?: string }): string {
  try {
    return readBounded(path).toString("utf8");
  } catch (cause) {
    throw new MkinitrdError({ tried, on: path === "" ? '""' : path, found: describeIoError(cause), cause, ...(next === undefined ? {} : { next }) });
  }
}

const REASONS: Record<string, string> = {
  ENOENT: "no such file",
  EISDIR: "it is a directory",
  ENOTDIR: "a part of the path is no directory",
  ELOOP: "a link leads to itself",
  ENAMETOOLONG: "a name in it is longer than 255 bytes, or all of it than 4095",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the filesystem is read-only",
  ENOSPC: "the filesystem is full",
  EDQUOT: "the disk quota is used up",
};

/** What a person reads of a failed system call: `no such file`; the call's own words for rarer ones. */
export function describeIoError(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const code = "code" in cause ? String(cause.code) : "";
  return REASONS[code] ?? cause.message;
}

function readBounded(path: string): Buffer {
  const descriptor = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(MOST_BYTES + 1);
    let filled = 0;
    for (let count = 1; count > 0 && filled < bytes.length; filled += count) count = readSync(descriptor, bytes, filled, bytes.length - filled, null);
    if (filled > MOST_BYTES) throw new Error(`it is larger than ${MOST_BYTES} bytes`);
    return bytes.subarray(0, filled);
  } finally {
    closeSync(descriptor);
  }
}
