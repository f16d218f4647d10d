import { MkinitrdError } from "../errors.ts";
import { quote } from "../quote.ts";

/** A section of LVM2's configuration text: its keys and subsections by name. Has no prototype: any name is safe. */
export interface ConfigSection {
  [name: string]: ConfigValue | ConfigSection;
}

/** The value of a key. */
export type ConfigValue = ConfigScalar | ConfigScalar[];
export type ConfigScalar = number | string;

/** Subsections deeper than this are refused: LVM2's own metadata has four levels. */
const MAX_DEPTH = 16;

/** A name, or a value without quotes: bounded, so that a match never needs much memory. */
const WORD = /[^\s#={}"'[\],]{1,1024}/y;

/** Text longer than this is refused. */
export const MAX_TEXT_BYTES = 16 * 1024 * 1024;

/**
 * Reads LVM2's configuration text, the form of its metadata: sections in braces, `key = value`, arrays in brackets,
 * comments from `#` to the line's end. lvm2 libdm/libdm-config.c. `name` says where the text is from, for errors,
 * which name the line. A name that comes twice in a section is an error.
 */
export function parseLvmText(text: string, name: string): ConfigSection {
  if (text.length > MAX_TEXT_BYTES) throw failure(name, 1, `${text.length} characters, more than ${MAX_TEXT_BYTES}`);
  const reader = new Reader(text, name);
  return readSection(reader, 0);
}

function readSection(reader: Reader, depth: number): ConfigSection {
  if (depth > MAX_DEPTH) throw reader.failure(`sections are nested more than ${MAX_DEPTH} deep`);
  const section = Object.create(null) as ConfigSection;
  for (;;) {
    reader.skipBlank();
    if (reader.atEnd()) {
      if (depth === 0) return section;
      throw reader.failure("the text ends inside a section");
    }
    if (reader.peek() === "}") {
      if (depth === 0) throw reader.failure("a closing brace without a section");
      reader.take("}");
      return section;
    }
    const key = readName(reader);
    if (key in section) throw reader.failure(`${quote(key)} comes twice`);
    reader.skipBlank();
    if (reader.peek() === "{") {
      reader.take("{");
      section[key] = readSection(reader, depth + 1);
    } else {
      reader.take("=");
      section[key] = readValue(reader);
    }
  }
}

function readName(reader: Reader): string {
  if (reader.peek() === '"') return readQuoted(reader, '"');
  const name = reader.match(WORD);
  if (name === undefined) throw reader.failure(`${describe(reader.peek())} where a name should be`);
  return name;
}

function readValue(reader: Reader): ConfigValue {
  reader.skipBlank();
  if (reader.peek() !== "[") return readScalar(reader);
  reader.take("[");
  const values: ConfigScalar[] = [];
  for (;;) {
    reader.skipBlank();
    if (reader.peek() === "]") break;
    values.push(readScalar(reader));
    reader.skipBlank();
    if (reader.peek() !== ",") break;
    reader.take(",");
  }
  reader.take("]");
  return values;
}

function readScalar(reader: Reader): ConfigScalar {
  const start = reader.peek();
  if (start === '"' || start === "'") return readQuoted(reader, start);
  const word = reader.match(/[+-]?[0-9][0-9.]{0,40}(?![^\s#{},\]])/y);
  if (word !== undefined) return readNumber(reader, word);
  const bare = reader.match(WORD); // tags and settings may stand without quotes
  if (bare === undefined) throw reader.failure(`${describe(start)} where a value should be`);
  return bare;
}

function readNumber(reader: Reader, word: string): number {
  const value = Number(word);
  if (word.includes(".") ? Number.isFinite(value) : Number.isSafeInteger(value)) return value;
  throw reader.failure(`${quote(word)} is no number that can be used`);
}

/** Only double quotes know escapes, and a backslash stands for the character behind it, whatever that is. */
function readQuoted(reader: Reader, mark: '"' | "'"): string {
  reader.take(mark);
  const raw = reader.until(mark, mark === '"');
  if (raw === undefined) throw reader.failure("a string without an end");
  reader.take(mark);
  return mark === '"' ? raw.replace(/\\([^])/g, "$1") : raw;
}

/** A position in the text. */
class Reader {
  private readonly text: string;
  private readonly name: string;
  private at = 0;

  constructor(text: string, name: string) {
    this.text = text;
    this.name = name;
  }

  atEnd(): boolean {
    return this.at >= this.text.length;
  }

  /** The next character, or an empty string at the end. */
  peek(): string {
    return this.text.charAt(this.at);
  }

  take(expected: string): void {
    this.skipBlank();
    if (this.peek() !== expected) throw this.failure(`${describe(this.peek())} where ${quote(expected)} should be`);
    this.at++;
  }

  /** What the sticky pattern matches here. The pattern never matches nothing. */
  match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found === undefined) return undefined;
    this.at += found.length;
    return found;
  }

  /** Past white space and comments. */
  skipBlank(): void {
    for (;;) {
      if (this.match(/\s{1,256}/y) !== undefined) continue;
      if (this.peek() !== "#") return;
      const end = this.text.indexOf("\n", this.at);
      this.at = end === -1 ? this.text.length : end;
    }
  }

  /** The text before `mark`, or undefined when it does not come; where `escapes`, one behind a backslash is no mark. */
  until(mark: string, escapes: boolean): string | undefined {
    let end = this.text.indexOf(mark, this.at);
    while (escapes && end !== -1 && this.isEscaped(end)) end = this.text.indexOf(mark, end + 1);
    if (end === -1) return undefined;
    const found = this.text.slice(this.at, end);
    this.at = end;
    return found;
  }

  private isEscaped(position: number): boolean {
    let start = position;
    while (start > this.at && this.text.charAt(start - 1) === "\\") start--;
    return (position - start) % 2 === 1;
  }

  failure(found: string): MkinitrdError {
    const line = this.text.slice(0, this.at).split("\n").length;
    return failure(this.name, line, found);
  }
}

function failure(name: string, line: number, found: string): MkinitrdError {
  return new MkinitrdError({ tried: "reading LVM2 metadata text", on: `${name}, line ${line}`, found });
}

function describe(character: string): string {
  return character === "" ? "the end of the text" : quote(character);
}
