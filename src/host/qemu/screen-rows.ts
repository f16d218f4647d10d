/** One row of a terminal; a wrapped one goes on where the row above ended. */
export interface Row {
  text: string;
  wrapped: boolean;
}

/**
 * What is new in `now` against `before`, both from the same row on: rows that are the same become empty, of one that
 * grew the new end remains, any other stays whole.
 */
export function appearedSince(now: Row[], before: Row[]): Row[] {
  return now.map((row, i) => {
    const old = before[i]?.text ?? "";
    return { ...row, text: row.text.startsWith(old) ? row.text.slice(old.length) : row.text };
  });
}

/** `before` without the rows that stand otherwise in `now`: whatever comes back there later is new again. */
export function forgetChanged(now: Row[], before: Row[]): Row[] {
  return before.map((old, i) => (now[i]?.text.startsWith(old.text) ? old : { text: "", wrapped: false }));
}

/** The rows as lines, wrapped ones joined, without the empty lines at the end. */
export function joinRows(rows: Row[]): string {
  return rows.map((row, i) => `${i === 0 || row.wrapped ? "" : "\n"}${row.text}`).join("").trimEnd();
}
