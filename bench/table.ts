/** Rows as aligned lines: the first column to the left, the others to the right. The first row is the heading. */
export function formatTable(rows: readonly string[][]): string {
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  const line = (row: string[]): string =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join("  ").trimEnd();
  return rows.map(line).join("\n");
}

/** `1.23`; a dash for what was not measured. */
export function number(value: number | undefined, digits = 2): string {
  return value === undefined ? "-" : value.toFixed(digits);
}

/** Bytes in MB of 10^6, as disks are sold and the targets are stated: `30.41`. */
export function megabytes(bytes: number | undefined): string {
  return number(bytes === undefined ? undefined : bytes / 1e6);
}
