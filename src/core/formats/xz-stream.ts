import { type Cursor, cursor } from "./cursor.ts";

const HEADER_BYTES = 12;
const FOOTER_BYTES = 12;
const CRC_BYTES = 4;
/** Of the field behind each block, by the check's number. The .xz File Format 1.2.1, 2.1.1.2. */
const CHECK_BYTES = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];
/** First byte of a chunk of LZMA2: the end; not compressed; from LZMA on compressed, from NEW_PROPERTIES on with a byte of properties. */
const [END, STORED_MOST, LZMA, NEW_PROPERTIES] = [0, 2, 0x80, 0xc0];

/**
 * Where the xz stream that begins at `offsetBytes` ends; nothing is decompressed. The .xz File Format 1.2.1, 2 to 4: a header, blocks,
 * an index, a footer. The last filter of a block is LZMA2, whose chunks say how long they are (xz-embedded, xz_dec_lzma2.c).
 */
export function xzStreamEnd(bytes: Buffer, offsetBytes: number, name: string): number {
  const stream = cursor("an xz stream", bytes, offsetBytes, name);
  const check = bytes.readUInt8(stream.take(HEADER_BYTES) + 7) & 0x0f;
  for (;;) {
    const headerSize = stream.u8();
    if (headerSize === 0) break; // no block, but the index
    stream.take(4 * headerSize + 3);
    skipChunks(stream);
    pad(stream, offsetBytes);
    stream.take(CHECK_BYTES[check] ?? 0);
  }
  skipIndex(stream);
  pad(stream, offsetBytes);
  stream.take(CRC_BYTES);
  const footer = stream.take(FOOTER_BYTES);
  if (bytes.toString("latin1", footer + 10, footer + 12) !== "YZ") throw stream.broken(`the footer at byte ${footer} does not end in "YZ"`);
  return stream.at;
}

function skipChunks(stream: Cursor): void {
  for (;;) {
    const control = stream.u8();
    if (control === END) return;
    if (control <= STORED_MOST) {
      stream.take(stream.u16be() + 1);
    } else if (control >= LZMA) {
      stream.take(2); // how much it unpacks to
      const packed = stream.u16be() + 1;
      stream.take(packed + (control >= NEW_PROPERTIES ? 1 : 0));
    } else {
      throw stream.broken(`the chunk at byte ${stream.at - 1} begins with 0x${control.toString(16)}, which LZMA2 does not have`);
    }
  }
}

/** Behind its first byte: the number of blocks, two sizes of each. */
function skipIndex(stream: Cursor): void {
  const blocks = multibyte(stream);
  for (let each = 0; each < 2 * blocks; each++) multibyte(stream);
}

/** Seven bits a byte, the lowest first, nine bytes at most. 1.2. */
function multibyte(stream: Cursor): number {
  let value = 0;
  for (let digit = 0; digit < 9; digit++) {
    const byte = stream.u8();
    value += (byte & 0x7f) * 2 ** (7 * digit);
    if (byte < 0x80) return value;
  }
  throw stream.broken(`a number before byte ${stream.at} has more than nine bytes`);
}

/** Blocks and index fill up to four bytes, counted from the stream's start. */
function pad(stream: Cursor, offsetBytes: number): void {
  stream.take(-(stream.at - offsetBytes) & 3);
}
