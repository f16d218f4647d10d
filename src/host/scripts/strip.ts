import { stripTypeScriptTypes } from "node:module";
import { scriptError } from "./problem.ts";

/**
 * TypeScript without its types: each is blanked out, so that every line and column stays. Of JavaScript, the same text. Throws
 * with the place on wrong syntax, and on what is more than types: enum, namespace, parameter properties.
 */
export function stripTypes(text: string, path: string): string {
  try {
    const stripped = stripTypeScriptTypes(text);
    return path.endsWith(".ts") ? stripped : text;
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    const next = "code" in cause && cause.code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX" ? "types alone are removed: write it as JavaScript, with import type and const objects" : undefined;
    throw scriptError({ file: path, ...placeIn(cause.stack ?? "", text) }, cause.message, next, cause);
  }
}

/** Node puts the place in front of the stack, and nowhere else: `:LINE`, lines of the text with tabs as four blanks, and ^^^ under it. */
function placeIn(stack: string, text: string): { line?: number; column?: number } {
  const number = /^.*:(\d+)\n/.exec(stack)?.[1];
  const marked = /^( *)\^+$/m.exec(stack)?.[1]?.length;
  if (number === undefined) return {};
  const line = Number(number);
  if (marked === undefined) return { line };
  const tabs = /^\t*/.exec(text.split("\n")[line - 1] ?? "")?.[0].length ?? 0;
  return { line, column: marked - tabs * 3 + 1 };
}
