/** A VGA text screen, 80×25, as it lies in the card's memory. */
export interface VgaScreen {
  /** Its rows, without trailing blanks. */
  rows: string[];
  /** The same as lines of one text. */
  text: string;
  /** What stands in each cell. */
  cells: VgaCell[][];
  /** Where the cursor is, counted from 0. */
  cursor: { row: number; column: number };
}

export interface VgaCell {
  character: string;
  /** Colours of the palette: 0 black, 1 blue, 2 green, 3 cyan, 4 red, 5 magenta, 6 brown, 7 grey, and 8 to 15 the same, bright. */
  foreground: number;
  background: number;
}

export const COLUMNS = 80;
export const ROWS = 25;
const BYTES_PER_CELL = 2;
export const SCREEN_BYTES = COLUMNS * ROWS * BYTES_PER_CELL;

/** Code page 437, which is the font of the card: https://www.unicode.org/Public/MAPPINGS/VENDORS/MICSFT/PC/CP437.TXT, and the pictures of its control characters. */
const CP437 = [
  " ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼",
  ...Array.from({ length: 95 }, (_, i) => String.fromCharCode(0x20 + i)),
  "⌂ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0",
].join("");

/** Reads the screen from its 4000 bytes: a character and an attribute for each cell. `cursor` counts cells. */
export function decodeVgaText(bytes: Uint8Array, cursor: number): VgaScreen {
  const cells = Array.from({ length: ROWS }, (_, row) => Array.from({ length: COLUMNS }, (_, column) => {
    const offset = (row * COLUMNS + column) * BYTES_PER_CELL;
    const attribute = bytes[offset + 1] ?? 0;
    return { character: CP437[bytes[offset] ?? 0] ?? " ", foreground: attribute & 0x0f, background: (attribute >> 4) & 0x07 };
  }));
  const rows = cells.map((row) => row.map(({ character }) => character).join("").trimEnd());
  return { rows, text: rows.join("\n").trimEnd(), cells, cursor: { row: Math.floor(cursor / COLUMNS), column: cursor % COLUMNS } };
}
