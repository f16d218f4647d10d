import { lstatSync, realpathSync } from "node:fs";
import { resolve } from "node:path";
import { MkinitrdError } from "../core/errors.ts";

/**
 * Throws unless `path` is free or a regular file, which a rename may replace: one over a device, a pipe or a link would leave
 * a plain file where others count on what was there. `tried` as in MkinitrdError.
 */
export function checkReplaceable(path: string, tried: string): void {
  const what = standsAt(path);
  if (what === undefined) return;
  throw new MkinitrdError({ tried, on: path, found: `it is ${what.kind}; what was there before is untouched`, next: what.next });
}

/** Throws when `path` is one of the files that what goes there is made from, by whatever path: a word too few behind -o would cost it. */
export function checkIsNoInput(path: string, inputs: readonly string[], tried: string): void {
  if (!inputs.some((input) => (realpath(input) ?? resolve(input)) === (realpath(path) ?? resolve(path)))) return;
  throw new MkinitrdError({ tried, on: path, found: "what goes there is made from this file", next: "name another one: -o FILE" });
}

function standsAt(path: string): { kind: string; next: string } | undefined {
  const stats = lstat(path);
  if (stats === undefined || stats.isFile()) return undefined;
  if (stats.isDirectory()) return { kind: "a directory", next: "name a file in it: -o FILE" };
  if (!stats.isSymbolicLink()) return { kind: "no regular file", next: "name a file: -o FILE" };
  const target = realpath(path);
  return { kind: "a link", next: target === undefined ? "it leads nowhere: remove it, or name a file: -o FILE" : `name what it leads to: -o ${target}` };
}

/** Undefined also where a part of the path is missing or no directory: who writes there finds that out, and says it. */
function lstat(path: string) {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

function realpath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
