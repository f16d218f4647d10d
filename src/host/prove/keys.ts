/** More of a key file than any that is used as such; a copy's has no more. */
export const KEY_FILE_BYTES = 8192;

/** The text of a copy's key file: another one for each number, no part of it like another. */
export function keyFileText(number: number): string {
  const lines = Array.from({ length: KEY_FILE_BYTES / 16 }, (_, line) => `key file ${number} of the copy, line ${line}\n`);
  return lines.join("").slice(0, KEY_FILE_BYTES);
}

/** The part of it that is the key; undefined where the text ends before. */
export function keyOf(text: string, { offsetBytes = 0, sizeBytes }: { offsetBytes?: number | undefined; sizeBytes?: number | undefined }): string | undefined {
  const end = sizeBytes === undefined ? text.length : offsetBytes + sizeBytes;
  return offsetBytes >= text.length || end > text.length ? undefined : text.slice(offsetBytes, end);
}
