import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { MkinitrdError } from "../core/errors.ts";

const MOST_BYTES = 1024 * 1024; // no configuration, recipe or script is near it; /dev/zero is

const WAIT_FOR_WRITER_MS = 2_000;
const LOOK_AGAIN_MS = 20;

/** The text of a file that a person wrote, at most 1 MiB; a pipe is read to its end, when somebody writes to it. Throws with `tried` and `next` of the caller. */
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
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK); // a pipe's open would wait for a writer without end
  try {
    const isPipe = fstatSync(descriptor).isFIFO();
    const bytes = Buffer.alloc(MOST_BYTES + 1);
    let filled = isPipe ? waitForWriter(descriptor, bytes) : 0;
    for (let count = 1; count > 0 && filled < bytes.length; filled += count) count = waitForBytes(descriptor, bytes, filled);
    if (filled > MOST_BYTES) throw new Error(`it is larger than ${MOST_BYTES} bytes`);
    return bytes.subarray(0, filled);
  } finally {
    closeSync(descriptor);
  }
}

/** The number of the first bytes: as long as nobody has written to a pipe it reads as one that has ended. pipe(7), fifo(7) */
function waitForWriter(descriptor: number, bytes: Buffer): number {
  for (const end = performance.now() + WAIT_FOR_WRITER_MS; performance.now() < end; pause()) {
    const count = waitForBytes(descriptor, bytes, 0);
    if (count > 0) return count;
  }
  throw new Error(`it is a pipe, and nobody wrote to it within ${WAIT_FOR_WRITER_MS / 1000} s`);
}

/** Waits while there is a writer that has nothing yet; 0 is the end. */
function waitForBytes(descriptor: number, bytes: Buffer, at: number): number {
  for (;;) {
    try {
      return readSync(descriptor, bytes, at, bytes.length - at, null);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      pause();
    }
  }
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_AGAIN_MS);
}
