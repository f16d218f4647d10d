import { hex32, MkinitrdError } from "../errors.ts";

/** The magic of a Zstandard frame, little endian. RFC 8878, 3.1.1. */
export const ZSTD_MAGIC = 0xfd2f_b528;

const BLOCK_HEADER_BYTES = 3;
const [RLE, RESERVED] = [1, 3];
const CHECKSUM_BYTES = 4;

/**
 * Where the frame that begins at `offsetBytes` ends; nothing is decompressed. RFC 8878, 3.1.1.1 and 3.1.1.2: a header whose size its
 * first byte tells, then blocks until the last one, then a checksum where the header says so.
 */
export function zstdFrameEnd(bytes: Buffer, offsetBytes: number, name: string): number {
  const broken = (found: string) => new MkinitrdError({ tried: "reading a Zstandard frame", on: `${name} at byte ${offsetBytes}`, found });
  const need = (from: number, length: number) => {
    if (from + length > bytes.length) throw broken(`it is cut off: the file ends at byte ${bytes.length}`);
    return from;
  };
  const magic = bytes.readUInt32LE(need(offsetBytes, 5));
  if (magic !== ZSTD_MAGIC) throw broken(`magic is ${hex32(magic)}, not ${hex32(ZSTD_MAGIC)}`);
  const descriptor = bytes.readUInt8(offsetBytes + 4);
  const singleSegment = (descriptor & 0x20) !== 0;
  const sizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  let at = offsetBytes + 5 + (singleSegment ? 0 : 1) + dictionaryBytes + sizeBytes;
  for (let last = false; !last;) {
    const header = bytes.readUIntLE(need(at, BLOCK_HEADER_BYTES), BLOCK_HEADER_BYTES);
    last = (header & 1) !== 0;
    const type = (header >> 1) & 3;
    if (type === RESERVED) throw broken(`the block at byte ${at} is of the reserved type`);
    at += BLOCK_HEADER_BYTES + (type === RLE ? 1 : header >> 3);
    need(at, 0);
  }
  return need(at + ((descriptor & 4) !== 0 ? CHECKSUM_BYTES : 0), 0);
}
