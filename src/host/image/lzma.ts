import { decodeLzma } from "../../core/formats/lzma-alone.ts";
import { MkinitrdError } from "../../core/errors.ts";
import { decompress, TooLarge } from "../decompress.ts";

const HEADER_BYTES = 13;
/** With which a stream may end: the last five bytes are what was left in the range encoder. */
const ZEROES_MOST = 4;

/**
 * The LZMA archive that begins at `offsetBytes`, and where it ends. The xz program is six times as quick as our decoder, but can't say where it
 * ended: it gets what lies before the next archive that is likely one, and our decoder has the last word where that was wrong.
 */
export async function decompressLzma(bytes: Buffer, offsetBytes: number, file: string, mostBytes: number): Promise<{ pieces: Buffer[]; endBytes: number }> {
  const next = likelyEnd(bytes, offsetBytes + HEADER_BYTES);
  let least = next;
  while (bytes[least - 1] === 0) least--; // what fills up to the next archive, but the last byte of this one may be zero, too
  for (let endBytes = least; endBytes <= Math.min(next, least + ZEROES_MOST); endBytes++) {
    try {
      return { pieces: await decompress(bytes.subarray(offsetBytes, endBytes), "lzma", `${file} at byte ${offsetBytes}`, mostBytes), endBytes };
    } catch (error) {
      if (error instanceof MkinitrdError && error.cause instanceof TooLarge) throw error;
      if (!/Unexpected end/.test(String(error))) break;
    }
  }
  return decodeLzma(bytes, offsetBytes, file, mostBytes);
}

/** Where the next plain or LZMA archive begins by its looks, at a multiple of four bytes; else the end. */
function likelyEnd(bytes: Buffer, from: number): number {
  const ends = ["070701", "070702", "\x5d\0\0"].map((magic) => {
    for (let at = bytes.indexOf(magic, from, "latin1"); at !== -1; at = bytes.indexOf(magic, at + 1, "latin1")) if (at % 4 === 0 && isLikely(bytes, at)) return at;
    return bytes.length;
  });
  return Math.min(...ends);
}

/** An LZMA header of unknown size, as programs write it that read a pipe; any other beginning is taken at its word. */
function isLikely(bytes: Buffer, at: number): boolean {
  return bytes[at] !== 0x5d || (at + HEADER_BYTES <= bytes.length && bytes.readBigUInt64LE(at + 5) === 0xffff_ffff_ffff_ffffn);
}
