import { existsSync, mkdirSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { MkinitrdError } from "../core/errors.ts";
import { describeIoError } from "./read-text.ts";

/**
 * Where downloaded and built things are kept: $MKINITRD_CACHE, else mkinitrd below $XDG_CACHE_HOME or ~/.cache. Always absolute: programs that lie in it are
 * started in other directories. A relative $XDG_CACHE_HOME counts as none. XDG Base Directory Specification 0.8, "Environment variables"
 */
export function cacheDirectory(...parts: string[]): string {
  const { MKINITRD_CACHE, XDG_CACHE_HOME } = process.env;
  if (MKINITRD_CACHE) return join(resolve(MKINITRD_CACHE), ...parts);
  const caches = XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(homedir() || userInfo().homedir, ".cache");
  return join(caches, "mkinitrd", ...parts);
}

/** Makes a directory of the cache, and its parents. */
export function makeCacheDirectory(path: string): void {
  try {
    makeWithParents(path);
  } catch (cause) {
    throw cacheError(path, cause);
  }
}

/** The error for what could not be kept in the cache. */
export function cacheError(path: string, cause: unknown): MkinitrdError {
  return new MkinitrdError({ tried: "keeping what was built", on: path, found: describeIoError(cause), next: "make room or permission there, or name another directory: MKINITRD_CACHE=DIRECTORY", cause });
}

/** Whether there is no room left: what is not kept for that is not kept for good, and somebody has to know. */
export function isFull(error: unknown): boolean {
  return error instanceof Error && (["ENOSPC", "EDQUOT"].includes(String((error as NodeJS.ErrnoException).code ?? "")) || isFull(error.cause));
}

/** One by one: Node's own `recursive` never returns below /proc, where a directory can't be made and its parent exists. */
function makeWithParents(path: string): void {
  if (existsSync(path)) return;
  makeWithParents(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
  }
}
