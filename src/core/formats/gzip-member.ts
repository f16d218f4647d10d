import { cursor } from "./cursor.ts";

const DEFLATE = 8;
const [HAS_CRC, HAS_EXTRA, HAS_NAME, HAS_COMMENT] = [2, 4, 8, 16];
const RESERVED = 0xe0;

/** CRC-32 and length of what was compressed, behind the deflate data. RFC 1952, 2.3.1. */
export const GZIP_TRAILER_BYTES = 8;

/** Where the deflate data of the gzip member that begins at `offsetBytes` begins. RFC 1952, 2.3. */
export function gzipDataStart(bytes: Buffer, offsetBytes: number, name: string): number {
  const header = cursor("a gzip member", bytes, offsetBytes, name);
  header.take(2); // the magic: the caller has seen it
  const method = header.u8();
  if (method !== DEFLATE) throw header.broken(`its compression method is ${method}, not ${DEFLATE}`);
  const flags = header.u8();
  if ((flags & RESERVED) !== 0) throw header.broken(`its flags are 0x${flags.toString(16)}, of which some are reserved`);
  header.take(6); // time, extra flags, operating system
  if ((flags & HAS_EXTRA) !== 0) header.take(bytes.readUInt16LE(header.take(2)));
  for (const text of [HAS_NAME, HAS_COMMENT]) if ((flags & text) !== 0) while (header.u8() !== 0);
  if ((flags & HAS_CRC) !== 0) header.take(2);
  return header.at;
}
