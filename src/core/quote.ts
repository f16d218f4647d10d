const SHOWN_CHARACTERS = 60;

/**
 * Foreign text for a message: in double quotes, cut after 60 characters, with quotes, backslashes, control and invisible
 * characters escaped (`\x1b`, `\u202e`), so that nothing from a command line or a disk reaches a terminal as it is.
 */
export function quote(text: string): string {
  // Not the whole text is split: it may be long.
  const characters = [...text.slice(0, 2 * SHOWN_CHARACTERS + 2)];
  const cut = characters.length > SHOWN_CHARACTERS || text.length > 2 * SHOWN_CHARACTERS + 2;
  return `"${characters.slice(0, SHOWN_CHARACTERS).map(escape).join("")}${cut ? "…" : ""}"`;
}

/** Foreign text for a terminal or a log: a `?` for each control and invisible character. Line ends stay. */
export function printable(text: string): string {
  return text.replace(/(?!\n)[\p{C}\p{Zl}\p{Zp}]/gu, "?");
}

/** As `printable`, for one line: line ends are `?`, too. */
export function printableLine(text: string): string {
  return printable(text).replaceAll("\n", "?");
}

function escape(character: string): string {
  if (character === '"' || character === "\\") return `\\${character}`;
  // Control, format (direction marks, among others), unassigned and lone surrogate code points; line separators.
  if (!/[\p{C}\p{Zl}\p{Zp}]/u.test(character)) return character;
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code < 0x1_0000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\u{${code.toString(16)}}`;
}
