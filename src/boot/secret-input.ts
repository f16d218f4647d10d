import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RUN_DIRECTORY } from "./log.ts";

/** A program's standard input. */
export interface SecretInput {
  /** A regular file without a name, to be read from its start. */
  readonly descriptor: number;
  /** Overwrites it, on the very pages that held it, and lets go of it. */
  wipe(): void;
}

/**
 * Puts bytes where a program can read them as its standard input, and nobody else. Not into a pipe of Node's: that is a socket
 * pair, and the kernel frees its buffers with the passphrase in them. /run is a tmpfs, whose pages can be overwritten.
 */
export function createSecretInput(bytes: Buffer): SecretInput {
  const directory = mkdtempSync(join(memoryDirectory(), "input-"));
  let descriptor: number | undefined;
  try {
    descriptor = openSync(join(directory, "input"), "wx+", 0o600);
  } finally {
    rmSync(directory, { recursive: true });
  }
  const opened = descriptor;
  const wipe = () => {
    put(opened, Buffer.alloc(bytes.length));
    closeSync(opened);
  };
  try {
    put(opened, bytes);
  } catch (error) {
    ftruncateSync(opened, 0);
    closeSync(opened);
    throw error;
  }
  return { descriptor: opened, wipe };
}

/** At the file's start, with the position of whoever reads it left there. */
function put(descriptor: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length;) written += writeSync(descriptor, bytes, written, bytes.length - written, written);
}

/** On a build machine, which runs the tests, there is no /run of ours. */
function memoryDirectory(): string {
  return statSync(RUN_DIRECTORY, { throwIfNoEntry: false })?.isDirectory() === true ? RUN_DIRECTORY : tmpdir();
}
