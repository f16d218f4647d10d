/** The box that a dialog stands in: at most so wide, with a border of one column and so much space inside of it. */
export const BOX_COLUMNS = 66;
export const PADDING = 2;
/** In front of what is typed. */
export const INPUT_MARK = "> ";
/** Where what is typed begins, from 1; and how far above the cursor's resting place, below the box, its row is. */
export const INPUT_COLUMN = 1 + PADDING + INPUT_MARK.length + 1;
export const INPUT_ROWS_UP = 2;

/** On a terminal with fewer rows a dialog has no border and no hints, and no secret is shown. */
const LEAST_ROWS = 12;

export function isLow(terminalRows: number): boolean {
  return terminalRows < LEAST_ROWS;
}

export function boxColumns(terminalColumns: number): number {
  return Math.min(BOX_COLUMNS, terminalColumns);
}

/** How many columns there are for text, and for what is typed with the cursor behind it. */
export function textColumns(terminalColumns: number): number {
  return Math.max(boxColumns(terminalColumns) - 2 - 2 * PADDING, 1);
}

export function inputColumns(terminalColumns: number): number {
  return Math.max(textColumns(terminalColumns) - INPUT_MARK.length - 1, 1);
}
