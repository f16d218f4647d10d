import { toNumber } from "../binary/struct.ts";
import { MkinitrdError } from "../errors.ts";

/** Properties, size of the dictionary, size of the content. LZMA specification (lzma-specification.7z of the LZMA SDK), "LZMA file format". */
const HEADER_BYTES = 13;
const UNKNOWN_SIZE = 0xffff_ffff_ffff_ffffn;
const DICTIONARY_LEAST = 4096;
const DICTIONARY_MOST = 1024 * 1024 * 1024;

/** Where the probabilities of each decision begin, of lengths from their base; specification, "LZMA decoder". */
const [IS_MATCH, IS_REP, IS_REP_G0, IS_REP_G1, IS_REP_G2, IS_REP0_LONG, POS_SLOT, POS_SPECIAL, ALIGN, LENGTH, REP_LENGTH, LITERAL] = [0, 192, 204, 216, 228, 240, 432, 688, 803, 819, 1333, 1847];
const [LENGTH_LOW, LENGTH_MID, LENGTH_HIGH] = [2, 130, 258];
const END_MARKER = 0xffff_ffff;

/**
 * The content of the LZMA file (`.lzma`) that begins at `offsetBytes`, in pieces, and where it ends: only decoding tells, and what follows is
 * not looked at. Throws when it is cut off or damaged, and when it unpacks to more than `mostBytes`.
 */
export function decodeLzma(bytes: Buffer, offsetBytes: number, name: string, mostBytes: number): { pieces: Buffer[]; endBytes: number } {
  const broken = (found: string) => new MkinitrdError({ tried: "unpacking (lzma)", on: `${name} at byte ${offsetBytes}`, found });
  if (offsetBytes + HEADER_BYTES + 5 > bytes.length) throw broken(`it is cut off: the file ends at byte ${bytes.length}`);
  const properties = bytes.readUInt8(offsetBytes);
  if (properties >= 9 * 5 * 5) throw broken(`its properties are ${properties}; less than 225 are possible`);
  const [literalContext, literalPosition, position] = [properties % 9, Math.floor(properties / 9) % 5, Math.floor(properties / 45)];
  const dictionaryBytes = Math.max(DICTIONARY_LEAST, bytes.readUInt32LE(offsetBytes + 1));
  if (dictionaryBytes > DICTIONARY_MOST) throw broken(`its dictionary has ${dictionaryBytes} bytes; ${DICTIONARY_MOST} are the most`);
  const written = bytes.readBigUInt64LE(offsetBytes + 5);
  const sizeBytes = written === UNKNOWN_SIZE ? undefined : toNumber(written, "size of the LZMA file");
  if ((sizeBytes ?? 0) > mostBytes) throw broken(`it unpacks to more than ${mostBytes} bytes`);

  const probabilities = new Uint16Array(LITERAL + (0x300 << (literalContext + literalPosition))).fill(1024);
  const window = Buffer.alloc(Math.min(dictionaryBytes, Math.max(mostBytes, DICTIONARY_LEAST)));
  const pieces: Buffer[] = [];
  let [total, filled, range, code, at] = [0, 0, 0xffff_ffff, bytes.readUInt32BE(offsetBytes + HEADER_BYTES + 1), offsetBytes + HEADER_BYTES + 5];
  let [state, rep0, rep1, rep2, rep3] = [0, 0, 0, 0, 0];

  while (total !== sizeBytes) {
    const positionState = total & ((1 << position) - 1);
    if (bit(IS_MATCH + (state << 4) + positionState) === 0) {
      put(literal());
      state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
      continue;
    }
    let length: number;
    if (bit(IS_REP + state) === 1) {
      if (bit(IS_REP_G0 + state) === 0) {
        if (bit(IS_REP0_LONG + (state << 4) + positionState) === 0) {
          state = state < 7 ? 9 : 11;
          copy(1);
          continue;
        }
      } else {
        [rep0, rep1, rep2, rep3] = bit(IS_REP_G1 + state) === 0 ? [rep1, rep0, rep2, rep3] : bit(IS_REP_G2 + state) === 0 ? [rep2, rep0, rep1, rep3] : [rep3, rep0, rep1, rep2];
      }
      length = lengthOf(REP_LENGTH, positionState);
      state = state < 7 ? 8 : 11;
    } else {
      length = lengthOf(LENGTH, positionState);
      [rep0, rep1, rep2, rep3] = [distance(Math.min(length, 3)), rep0, rep1, rep2];
      if (rep0 === END_MARKER) break;
      state = state < 7 ? 7 : 10;
    }
    copy(length + 2);
  }
  if (filled > 0) pieces.push(Buffer.from(window.subarray(0, filled)));
  return { pieces, endBytes: at };

  function bit(index: number): number {
    const probability = probabilities[index]!;
    const bound = (range >>> 11) * probability;
    const isOne = code >= bound;
    probabilities[index] = isOne ? probability - (probability >>> 5) : probability + ((2048 - probability) >>> 5);
    if (isOne) {
      code -= bound;
      range -= bound;
    } else {
      range = bound;
    }
    normalize();
    return isOne ? 1 : 0;
  }

  function normalize(): void {
    if (range >= 0x100_0000) return;
    if (at >= bytes.length) throw broken(`it is cut off: the file ends at byte ${bytes.length}`);
    range = (range << 8) >>> 0;
    code = ((code << 8) | bytes[at++]!) >>> 0;
  }

  function tree(base: number, bits: number): number {
    let symbol = 1;
    for (let count = 0; count < bits; count++) symbol = 2 * symbol + bit(base + symbol);
    return symbol - (1 << bits);
  }

  function reverseTree(base: number, bits: number): number {
    let [symbol, value] = [1, 0];
    for (let count = 0; count < bits; count++) {
      const next = bit(base + symbol);
      symbol = 2 * symbol + next;
      value |= next << count;
    }
    return value;
  }

  function lengthOf(base: number, positionState: number): number {
    if (bit(base) === 0) return tree(base + LENGTH_LOW + 8 * positionState, 3);
    return bit(base + 1) === 0 ? 8 + tree(base + LENGTH_MID + 8 * positionState, 3) : 16 + tree(base + LENGTH_HIGH, 8);
  }

  function distance(lengthState: number): number {
    const slot = tree(POS_SLOT + 64 * lengthState, 6);
    if (slot < 4) return slot;
    const bits = (slot >> 1) - 1;
    const high = (2 + (slot & 1)) * 2 ** bits;
    if (slot < 14) return high + reverseTree(POS_SPECIAL + high - slot, bits);
    let direct = 0;
    for (let count = 4; count < bits; count++) {
      range >>>= 1;
      const isOne = code >= range;
      if (isOne) code -= range;
      direct = 2 * direct + (isOne ? 1 : 0);
      normalize();
    }
    return high + 16 * direct + reverseTree(ALIGN, 4);
  }

  function literal(): number {
    const before = total === 0 ? 0 : byteAt(0);
    const base = LITERAL + 0x300 * (((total & ((1 << literalPosition) - 1)) << literalContext) + (before >> (8 - literalContext)));
    let symbol = 1;
    if (state >= 7) {
      let match = byteAt(rep0);
      while (symbol < 0x100) {
        const matchBit = (match >> 7) & 1;
        match <<= 1;
        const next = bit(base + ((1 + matchBit) << 8) + symbol);
        symbol = 2 * symbol + next;
        if (next !== matchBit) break;
      }
    }
    while (symbol < 0x100) symbol = 2 * symbol + bit(base + symbol);
    return symbol & 0xff;
  }

  /** The byte that lies `distance` + 1 back. */
  function byteAt(distance: number): number {
    const index = filled - distance - 1;
    return window[index < 0 ? index + window.length : index]!;
  }

  function copy(length: number): void {
    if (rep0 >= total || rep0 >= window.length) throw broken(`it is damaged: a copy of what lies ${rep0 + 1} bytes back, at byte ${total} of the content`);
    const count = sizeBytes === undefined ? length : Math.min(length, sizeBytes - total);
    for (let each = 0; each < count; each++) put(byteAt(rep0));
  }

  function put(byte: number): void {
    if (total === mostBytes) throw broken(`it unpacks to more than ${mostBytes} bytes`);
    window[filled++] = byte;
    total++;
    if (filled < window.length) return;
    pieces.push(Buffer.from(window));
    filled = 0;
  }
}
