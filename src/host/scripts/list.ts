import { readdirSync } from "node:fs";
import { join } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import { describeIoError } from "../read-text.ts";
import { statOf } from "../stat.ts";

const SCRIPT = /\.[tj]s$/;
const NO_SCRIPT = /^\.|\.(test|spec)\.[tj]s$|\.d\.ts$/;

/**
 * The rc scripts that `scripts:` of a configuration names: files, and of directories every .ts and .js file in them, sorted;
 * not their tests (*.test.ts, *.spec.ts), declarations and subdirectories. Throws on what is not there, and on a directory
 * without any.
 */
export function listScripts(paths: readonly string[]): string[] {
  return [...new Set(paths.flatMap(scriptsAt))];
}

function scriptsAt(path: string): string[] {
  if (statOf(path)?.isDirectory() !== true) {
    if (statOf(path) === undefined || SCRIPT.test(path)) return [path]; // one that is missing is an error where it is read
    throw listError(path, "it is neither a directory nor a .ts or .js file");
  }
  const named = list(path).filter((name) => SCRIPT.test(name) && !NO_SCRIPT.test(name));
  const lost = named.find((name) => statOf(join(path, name)) === undefined);
  if (lost !== undefined) throw listError(join(path, lost), "it is a link that leads nowhere");
  const files = named.filter((name) => statOf(join(path, name))?.isFile() === true);
  if (files.length === 0) throw listError(path, "no .ts or .js file is in this directory");
  return files.sort().map((name) => join(path, name));
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (cause) {
    throw listError(directory, describeIoError(cause), cause);
  }
}

function listError(on: string, found: string, cause?: unknown): MkinitrdError {
  return new MkinitrdError({ tried: "looking for rc scripts", on, found, next: "correct scripts: in the configuration", ...(cause === undefined ? {} : { cause }) });
}
