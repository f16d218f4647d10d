import { MkinitrdError } from "../errors.ts";
import { nearest } from "../nearest.ts";
import { quote } from "../quote.ts";

/** Something that a script needs in the image. An optional one may be absent from the build machine. */
export interface Need {
  name: string;
  optional: boolean;
}

/** The contract at the top of a rc script: what it provides and needs, and what the image must carry for it. */
export interface RcHeader {
  /** Names that other scripts may require, beside the script's own. */
  provide: string[];
  require: string[];
  before: string[];
  /** The realroot kinds that the script serves; a script with any is no boot step. */
  keyword: string[];
  /** Fields of the kinds' spec behind kind and fstype, in order; `address` stands for `device` where that is no device of this machine's. */
  fields: string[];
  /** Option keys of the kinds' spec; a `+` behind one says that it may be given several times. */
  options: string[];
  /** Kernel modules, by name or alias. */
  modules: Need[];
  /** Bare names, looked for on the build machine's path. */
  programs: Need[];
  /** Files relative to the library directories: `ossl-modules/legacy.so`. */
  libraries: Need[];
  /** The kinds' volumes hold secrets: an image that serves one fails closed. */
  encrypted: boolean;
}

/** What a word's values may look like, and whether a trailing `?` makes one optional. */
interface Shape {
  pattern: RegExp;
  rule: string;
  optional?: true;
}

const NAME: Shape = { pattern: /^[A-Za-z0-9][A-Za-z0-9._-]*$/, rule: "a name of letters, digits, dots, dashes and underscores" };
const MODULE: Shape = { pattern: /^[^\s/]+$/, rule: "a module's name or alias", optional: true };
const PROGRAM: Shape = { pattern: /^[A-Za-z0-9][A-Za-z0-9._+-]*$/, rule: "a program's bare name", optional: true };
const LIBRARY: Shape = {
  pattern: /^(?!(.*\/)?\.\.?(\/|$))[A-Za-z0-9._+-]+(\/[A-Za-z0-9._+-]+)*$/,
  rule: "a path relative to the library directories",
  optional: true,
};
const OPTION: Shape = { pattern: /^[A-Za-z0-9][A-Za-z0-9._-]*\+?$/, rule: "an option's name, with a + behind it when it may be given several times" };
const FIELD: Shape = { pattern: /^(device|address|name|options)$/, rule: "device, address, name or options" };
const ANSWER: Shape = { pattern: /^(yes|no)$/, rule: "yes or no" };

const WORDS: Record<string, Shape> = {
  PROVIDE: NAME,
  REQUIRE: NAME,
  BEFORE: NAME,
  KEYWORD: NAME,
  FIELDS: FIELD,
  OPTIONS: OPTION,
  MODULES: MODULE,
  PROGRAMS: PROGRAM,
  LIBRARIES: LIBRARY,
  ENCRYPTED: ANSWER,
};

interface Line {
  number: number;
  word: string;
  values: string[];
}

/**
 * Reads the `// WORD: value …` lines (`#` in a shell script) of the comment that begins a rc script; a word may come twice,
 * and other lines of that comment are prose. Throws with file and line on a word or a value that it does not know.
 */
export function parseHeader(text: string, fileName: string): RcHeader {
  const lines = headerLines(text);
  for (const line of lines) checkLine(line, fileName);
  const values = (word: string) => [...new Set(lines.filter((line) => line.word === word).flatMap((line) => line.values))];
  const header: RcHeader = {
    provide: values("PROVIDE"),
    require: values("REQUIRE"),
    before: values("BEFORE"),
    keyword: values("KEYWORD"),
    fields: values("FIELDS"),
    options: values("OPTIONS"),
    modules: values("MODULES").map(parseNeed),
    programs: values("PROGRAMS").map(parseNeed),
    libraries: values("LIBRARIES").map(parseNeed),
    encrypted: values("ENCRYPTED").includes("yes"),
  };
  checkKind(header, lines, fileName);
  return header;
}

/** The comment lines in front of the first line of code that begin with a word in capitals and a colon. */
function headerLines(text: string): Line[] {
  const lines: Line[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "" || line.startsWith("#!")) continue;
    const comment = /^(?:\/\/|#)(.*)$/.exec(line.trimEnd());
    if (comment === null) break;
    const [, word, values] = /^\s*([A-Z]+):(?:\s(.*))?$/.exec(comment[1] ?? "") ?? [];
    if (word === undefined) continue;
    lines.push({ number: index + 1, word, values: (values ?? "").split(/\s+/).filter((value) => value !== "") });
  }
  return lines;
}

function checkLine(line: Line, fileName: string): void {
  const shape = Object.hasOwn(WORDS, line.word) ? WORDS[line.word] : undefined;
  if (shape === undefined) {
    const meant = nearest(line.word, Object.keys(WORDS));
    throw headerError(fileName, line.number, `the word ${quote(line.word)}; known: ${Object.keys(WORDS).join(", ")}`,
      meant === undefined ? "write a comment that is no header under the first line of code" : `did you mean ${meant}?`);
  }
  for (const value of line.values) {
    const bare = shape.optional === true ? value.replace(/\?$/, "") : value;
    if (!shape.pattern.test(bare)) {
      throw headerError(fileName, line.number, `${line.word} has ${quote(value)}, which is not ${shape.rule}`);
    }
  }
}

function parseNeed(value: string): Need {
  const optional = value.endsWith("?");
  return { name: optional ? value.slice(0, -1) : value, optional };
}

/** The words that only a kind's script may have, and what each of those must have. */
function checkKind(header: RcHeader, lines: Line[], fileName: string): void {
  const lineOf = (words: string[]) => lines.find((line) => words.includes(line.word));
  if (header.keyword.length === 0) {
    const stray = lineOf(["FIELDS", "OPTIONS", "ENCRYPTED"]);
    if (stray === undefined) return;
    throw headerError(fileName, stray.number, `${stray.word} without KEYWORD`, "name the realroot kinds that the script serves: KEYWORD: …");
  }
  const ordering = lineOf(["PROVIDE", "REQUIRE", "BEFORE"]);
  if (ordering !== undefined) {
    throw headerError(fileName, ordering.number, `${ordering.word} beside KEYWORD: a realroot kind's script is no boot step`,
      "the unlock step calls it, once for each stage of its kind");
  }
  const { number } = lineOf(["FIELDS"]) ?? lineOf(["KEYWORD"]) ?? { number: 1 };
  if (header.fields[0] !== "device" && header.fields[0] !== "address") throw headerError(fileName, number, `FIELDS is "${header.fields.join(" ")}"; device, or address, comes first`);
  if (header.fields.includes("device") && header.fields.includes("address")) throw headerError(fileName, number, `FIELDS is "${header.fields.join(" ")}"; a kind has a device or an address`);
  if (header.fields.includes("options") && header.fields.at(-1) !== "options") {
    throw headerError(fileName, number, `FIELDS is "${header.fields.join(" ")}"; options comes last`);
  }
  const mount = header.options.find((key) => key.startsWith("mount."));
  if (mount !== undefined) throw headerError(fileName, lineOf(["OPTIONS"])?.number ?? number, `OPTIONS has "${mount}"; every kind has mount.*`);
}

function headerError(fileName: string, lineNumber: number, found: string, next?: string): MkinitrdError {
  return new MkinitrdError({ tried: `reading the header of ${fileName}`, on: `line ${lineNumber}`, found, ...(next === undefined ? {} : { next }) });
}
