import { readdirSync, readFileSync } from "node:fs";

/** The text of a sysfs attribute; undefined when it isn't there or its device has just gone. */
export function attribute(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}

/** The names in a directory of sysfs; none when it has just gone. */
export function listDirectory(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
