import { cursor } from "./cursor.ts";

/** The 48 bits before the closing checksum: the decimal digits of √π. They begin at any bit. bzip2 1.0.8, decompress.c. */
const END_MAGIC = 0x1772_4538_5090n;
const END_BITS = 48 + 32;
const HEADER_BYTES = 4;

/** Where the bzip2 stream that begins at `offsetBytes` ends; nothing is decompressed, the end mark is looked for at each bit. */
export function bzip2StreamEnd(bytes: Buffer, offsetBytes: number, name: string): number {
  const stream = cursor("a bzip2 stream", bytes, offsetBytes, name);
  const from = stream.take(HEADER_BYTES) + HEADER_BYTES;
  const found = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((shift) => findMark(bytes, from, shift) ?? []);
  if (found.length === 0) throw stream.broken(`it is cut off: no end mark before the file ends at byte ${bytes.length}`);
  const { at, shift } = found.reduce((first, each) => (each.at < first.at || (each.at === first.at && each.shift < first.shift) ? each : first));
  stream.take(at + Math.ceil((shift + END_BITS) / 8) - stream.at);
  return stream.at;
}

/** The first mark whose first bit is bit `shift` of a byte, the highest being 0: five of its bytes are whole, those beside them in part. */
function findMark(bytes: Buffer, from: number, shift: number): { at: number; shift: number } | undefined {
  const mark = Buffer.alloc(8);
  mark.writeBigUInt64BE(END_MAGIC << BigInt(16 - shift));
  const masks = [0xff >> shift, (0xff00 >> shift) & 0xff];
  for (let at = bytes.indexOf(mark.subarray(1, 6), from + 1) - 1; at >= from; at = bytes.indexOf(mark.subarray(1, 6), at + 2) - 1) {
    const isWhole = ((bytes[at] ?? 0) & masks[0]!) === mark[0] && ((bytes[at + 6] ?? 0) & masks[1]!) === mark[6];
    if (isWhole) return { at, shift };
  }
  return undefined;
}
