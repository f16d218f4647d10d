/** A word of the kernel command line; one without `=` has no value. */
export interface Word {
  key: string;
  value?: string;
}

/**
 * The words of a kernel command line, as lib/cmdline.c's next_arg makes them: split at white space outside of double quotes,
 * key and value at the first `=` that is not the first character. Every double quote is removed, before a word or inside it.
 * What follows the word `--` is for init; `--` is among the words.
 */
export function splitCommandLine(text: string): Word[] {
  return splitWords(text).map((word) => {
    const equals = word.indexOf("=", 1);
    return equals < 0 ? { key: word } : { key: word.slice(0, equals), value: word.slice(equals + 1) };
  });
}

/** A word as it was written, without its quotes. */
export function joinWord(word: Word): string {
  return word.value === undefined ? word.key : `${word.key}=${word.value}`;
}

/** Splits at white space outside of double quotes, and removes the quotes. A quote that nobody closes reaches to the end. */
export function splitWords(text: string): string[] {
  // NUL ends the kernel's line; the other characters are ASCII's isspace.
  const words = text.replace(/\0.*$/s, "").match(/(?:[^ \t\n\v\f\r"]|"[^"]*(?:"|$))+/g) ?? [];
  return words.map((word) => word.replaceAll('"', "")).filter((word) => word !== "");
}
