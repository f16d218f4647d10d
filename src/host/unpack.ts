import { readFile } from "node:fs/promises";
import { MkinitrdError } from "../core/errors.ts";
import { decompress } from "./decompress.ts";
import type { Decompress } from "./plan/types.ts";
import { describeIoError } from "./read-text.ts";

/** No kernel module or firmware is near this; what claims to be larger is not unpacked. */
const UNPACKED_BYTES_MAX = 512 * 1024 * 1024;

/** The content of a compressed file. xz needs the xz program. */
export async function readUnpacked(file: string, format: Decompress): Promise<Buffer> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new MkinitrdError({ tried: `unpacking (${format})`, on: file, found: describeIoError(cause), cause });
  });
  return Buffer.concat(await decompress(bytes, format, file, UNPACKED_BYTES_MAX));
}
