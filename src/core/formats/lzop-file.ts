import { cursor } from "./cursor.ts";

const MAGIC_BYTES = 9;
/** From this version on the header has a level, and the upper half of the time. lzop 1.04, lzop.c, write_header. */
const WITH_LEVEL = 0x0940;
const [ADLER_OF_DATA, ADLER_OF_BLOCK, CRC_OF_DATA, CRC_OF_BLOCK] = [0x1, 0x2, 0x100, 0x200];
const [EXTRA_FIELD, FILTER] = [0x40, 0x800];
const BLOCK_MOST = 64 * 1024 * 1024;

/**
 * Where the lzop file that begins at `offsetBytes` ends: a header, then blocks with their sizes up to one of no bytes. Nothing is
 * decompressed. lzop 1.04, lzop.c; the kernel's lib/decompress_unlzo.c reads the same.
 */
export function lzopFileEnd(bytes: Buffer, offsetBytes: number, name: string): number {
  const file = cursor("an lzop file", bytes, offsetBytes, name);
  file.take(MAGIC_BYTES);
  const version = file.u16be();
  file.take(2 + 2 + 1); // of the library, needed to extract, method
  if (version >= WITH_LEVEL) file.take(1);
  const flags = file.u32be();
  if ((flags & FILTER) !== 0) file.take(4);
  file.take(version >= WITH_LEVEL ? 12 : 8); // mode, time
  file.take(file.u8() + 4); // the name, the header's checksum
  if ((flags & EXTRA_FIELD) !== 0) file.take(file.u32be() + 4);
  const ofData = count(flags, ADLER_OF_DATA, CRC_OF_DATA);
  const ofBlock = count(flags, ADLER_OF_BLOCK, CRC_OF_BLOCK);
  for (;;) {
    const unpacked = file.u32be();
    if (unpacked === 0) return file.at;
    const packed = file.u32be();
    if (packed > unpacked || unpacked > BLOCK_MOST) throw file.broken(`the block before byte ${file.at} has ${packed} bytes for ${unpacked}`);
    file.take(4 * (ofData + (packed < unpacked ? ofBlock : 0)));
    file.take(packed);
  }
}

function count(flags: number, ...wanted: number[]): number {
  return wanted.filter((flag) => (flags & flag) !== 0).length;
}
