import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import { hex32 } from "../../core/errors.ts";
import type { FileMemo } from "../file-memo.ts";

/**
 * Puts `made` in the place of `file`, with its CRC-32 beside it in FILE.crc32. Several processes may do that at once with the
 * same bytes; both have to be in one filesystem.
 */
export function keepFile(made: string, file: string): void {
  writeFileSync(`${made}.crc32`, checksum(made), { mode: 0o600 });
  renameSync(`${made}.crc32`, `${file}.crc32`);
  renameSync(made, file);
}

/** Whether `file` is what was kept, which is read when the memo does not know it. One that is not (a power cut, a dying disk) is as good as none. */
export async function isKept(file: string, memo: FileMemo): Promise<boolean> {
  try {
    return readFileSync(`${file}.crc32`, "utf8") === (await memo.get(file, "crc32", async () => checksum(file)));
  } catch {
    return false;
  }
}

function checksum(file: string): string {
  return hex32(crc32(readFileSync(file)));
}
