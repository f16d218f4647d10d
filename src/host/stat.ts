import { accessSync, constants, lstatSync, statSync, type Stats } from "node:fs";
import { MkinitrdError } from "../core/errors.ts";
import { describeIoError } from "./read-text.ts";

/** What stands at a path, through links; undefined where nothing does. Throws where one may not look. */
export function statOf(path: string): Stats | undefined {
  return look(path, statSync);
}

/** The same of the name itself, a link or not. */
export function lstatOf(path: string): Stats | undefined {
  return look(path, lstatSync);
}

function look(path: string, stat: (path: string) => Stats): Stats | undefined {
  try {
    return stat(path);
  } catch (cause) {
    if (["ENOENT", "ENOTDIR"].includes((cause as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw new MkinitrdError({ tried: "looking for a file", on: path, found: describeIoError(cause), cause });
  }
}

/** Whether a directory is there, or a link to one. */
export function isDirectory(path: string): boolean {
  return statOf(path)?.isDirectory() === true;
}

/** Whether this process may run what stands at a path. */
export function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
