import { isBuiltin, stripTypeScriptTypes } from "node:module";
import { basename } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import { parseHeader } from "../../core/rc/header.ts";
import { readText } from "../read-text.ts";
import type { ScriptFile } from "./facts.ts";

/** The text of a rc script of the configuration's. */
export function readScript(path: string): string {
  return readText(path, { tried: "reading the rc script", next: "correct scripts: in the configuration" });
}

/**
 * A rc script of the user's, as it goes into the image. Its types are blanked out and its text stays as it is: it is what a
 * person opens in the rescue shell. Throws on what could only fail at boot: wrong syntax, imports of what the image does not
 * have, nothing to run.
 */
export function foreignScript(path: string): ScriptFile {
  const text = readScript(path);
  const header = parseHeader(text, path);
  const stripped = strip(text, path);
  const code = path.endsWith(".ts") ? stripped : text;
  const imported = [...code.matchAll(IMPORT)].map(([, name = ""]) => name).find((name) => !isBuiltin(name));
  if (imported !== undefined) {
    throw scriptError(path, `it imports ${imported}, which is not in the image`, "import types only; everything else comes from ctx");
  }
  if (!/^\s*export\b[^;]*?\bdefault\b/m.test(code)) throw scriptError(path, "it has no default export", "export default async function run(ctx) { … }");
  return { name: basename(path).replace(/\.[jt]s$/, ""), source: path, header, from: { bytes: Buffer.from(code) }, origin: "configuration" };
}

/** `import x from "NAME"`, `import "NAME"`, `export … from "NAME"` where a line begins, and `import("NAME")` anywhere. */
const IMPORT = /(?:^\s*(?:import|export)\b[^;"'()=]*?|\bimport\(\s*)["']([^"']+)["']/gm;

/** Syntax that no JavaScript has is found here, too. */
function strip(text: string, path: string): string {
  try {
    return stripTypeScriptTypes(text);
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    const line = /^.*:(\d+)\n/.exec(cause.stack ?? "")?.[1]; // Node puts the place in front of the stack, and nowhere else
    throw scriptError(`${path}${line === undefined ? "" : ` at line ${line}`}`, cause.message, undefined, cause);
  }
}

function scriptError(on: string, found: string, next?: string, cause?: unknown): MkinitrdError {
  return new MkinitrdError({ tried: "reading the rc script", on, found, cause, ...(next === undefined ? {} : { next }) });
}
