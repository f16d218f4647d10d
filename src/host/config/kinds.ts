import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import { parseHeader } from "../../core/rc/header.ts";
import type { KindTable } from "../../core/realroot/types.ts";
import { packageRoot } from "../package-root.ts";
import { readScript, scriptHeader } from "../scripts/header.ts";
import { listScripts } from "../scripts/list.ts";

/** The realroot kinds that the rc scripts of this package, and those of the user, serve. Throws when two serve the same. */
export async function readKinds(scripts: readonly string[] = []): Promise<KindTable> {
  const directory = join(packageRoot(), "rc.d");
  const own = (await readdir(directory)).filter((file) => file.endsWith(".ts")).sort().map((file) => join(directory, file));
  const kinds = new Map<string, { path: string; fields: string[]; options: string[] }>();
  const headers = [...own.map((path) => ({ path, header: parseHeader(readScript(path), path) })), ...listScripts(scripts).map((path) => ({ path, header: scriptHeader(readScript(path), path) }))];
  for (const { path, header: { keyword, fields, options } } of headers) {
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
