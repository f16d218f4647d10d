import { cursor } from "./cursor.ts";

/** lz4_Frame_format.md, "Legacy frame": the only one that the kernel reads (lib/decompress_unlz4.c). */
export const LZ4_LEGACY_MAGIC = 0x184c_2102;

const BLOCK_BYTES = 8 * 1024 * 1024;
/** LZ4_compressBound: what a block of random bytes grows to. A larger number is no size, but what follows the frame. */
const PACKED_MOST = BLOCK_BYTES + Math.floor(BLOCK_BYTES / 255) + 16;

/**
 * Where the legacy LZ4 frame that begins at `offsetBytes` ends: it has no end mark, and goes on to the file's end or to what can't
 * be a block, zero bytes or another archive's magic. Nothing is decompressed.
 */
export function lz4LegacyEnd(bytes: Buffer, offsetBytes: number, name: string): number {
  const frame = cursor("an LZ4 frame", bytes, offsetBytes, name);
  frame.take(4); // the magic: the caller has seen it
  while (bytes.length - frame.at >= 4) {
    const size = bytes.readUInt32LE(frame.at);
    if (size === 0 || size > PACKED_MOST) break;
    frame.take(4);
    frame.take(size);
  }
  return frame.at;
}
