import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import { parseHeader } from "../../core/rc/header.ts";
import type { KindTable } from "../../core/realroot/types.ts";
import { packageRoot } from "../package-root.ts";
import { readScript } from "../plan/read-script.ts";

/** The realroot kinds that the rc scripts of this package, and those of the user, serve. Throws when two serve the same. */
export async function readKinds(scripts: readonly string[] = []): Promise<KindTable> {
  const directory = join(packageRoot(), "rc.d");
  const own = (await readdir(directory)).filter((file) => file.endsWith(".ts")).sort().map((file) => join(directory, file));
  const kinds = new Map<string, { path: string; fields: string[]; options: string[] }>();
  for (const path of [...own, ...scripts]) {
    const { keyword, fields, options } = parseHeader(readScript(path), path);
    for (const kind of keyword) {
      const other = kinds.get(kind);
      if (other !== undefined) {
        throw new MkinitrdError({ tried: "reading the rc scripts", on: path, found: `it serves the realroot kind "${kind}", and so does ${other.path}` });
      }
      kinds.set(kind, { path, fields, options });
    }
  }
  return Object.fromEntries([...kinds].map(([kind, { fields, options }]) => [kind, { fields, options }]));
}
