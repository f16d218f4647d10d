import { MkinitrdError } from "../../core/errors.ts";
import { parseHeader, type RcHeader } from "../../core/rc/header.ts";
import { readText } from "../read-text.ts";

/**
 * The header of a rc script of the user's. Throws, beside what parseHeader refuses, on a script that does not say what it is: a
 * boot step has a place in the order, a realroot kind a name. Without either it would run first, before there is any device.
 */
export function scriptHeader(text: string, path: string): RcHeader {
  const header = parseHeader(text, path);
  if ([header.provide, header.require, header.before, header.keyword].some((names) => names.length > 0)) return header;
  const [words, has] = hasWords(header) ? ["none of PROVIDE, REQUIRE, BEFORE and KEYWORD is in its header", "it has other words"] : ["it has no header", "// WORD: lines in front of the code"];
  throw new MkinitrdError({
    tried: "reading the rc script",
    on: path,
    found: `${words} (${has}): it is neither a boot step nor a realroot kind`,
    next: "begin it with // REQUIRE: devices for a boot step behind that one, or with // KEYWORD: NAME and // FIELDS: device options for a realroot kind; "
      + "what scripts share goes into a subdirectory (docs/scripts.md)",
  });
}

/** The text of a rc script of the configuration's. */
export function readScript(path: string): string {
  return readText(path, { tried: "reading the rc script", next: "correct scripts: in the configuration" }).replace(/^\uFEFF/, ""); // a byte order mark
}

function hasWords({ modules, programs, libraries }: RcHeader): boolean {
  return modules.length + programs.length + libraries.length > 0;
}
