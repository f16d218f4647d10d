import { MkinitrdError } from "../errors.ts";

/** A sector is 512 bytes, always: the unit of device-mapper. */
export const SECTOR_BYTES = 512;

/** Random-access bytes: a disk, an image file, a partition, an opened target. Never written to. */
export interface Source {
  /** What a person calls it, for errors: `/dev/vda2`, `disk.img`. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Exactly `lengthBytes` bytes from `offsetBytes`; throws when any of them lies outside or can't be read. */
  read(offsetBytes: number, lengthBytes: number): Promise<Buffer>;
  /** The same as `read`, filling memory that is there already: who copies a lot saves half of the time. Absent where it would save none. */
  readInto?(offsetBytes: number, into: Buffer): Promise<void>;
  close?(): Promise<void>;
}

/** The bytes of `source` from `startBytes` on, as a source of its own. Throws when they reach past the end. */
export function window(source: Source, startBytes: number, sizeBytes: number, name = source.name): Source {
  checkRange(source, startBytes, sizeBytes);
  const part: Source = {
    name,
    sizeBytes,
    async read(offsetBytes, lengthBytes) {
      checkRange(this, offsetBytes, lengthBytes);
      return source.read(startBytes + offsetBytes, lengthBytes);
    },
  };
  if (source.readInto !== undefined) {
    part.readInto = async function (offsetBytes, into) {
      checkRange(this, offsetBytes, into.length);
      return source.readInto!(startBytes + offsetBytes, into);
    };
  }
  return part;
}

/** A source over bytes in memory. */
export function memorySource(bytes: Uint8Array, name = "memory"): Source {
  return {
    name,
    sizeBytes: bytes.length,
    async read(offsetBytes, lengthBytes) {
      checkRange(this, offsetBytes, lengthBytes);
      return Buffer.from(bytes.subarray(offsetBytes, offsetBytes + lengthBytes));
    },
  };
}

/** A source over pieces that lie behind one another, none of them empty: what a stream gave, without a copy of it all. */
export function piecesSource(pieces: readonly Buffer[], name: string): Source {
  const ends: number[] = [];
  for (const piece of pieces) ends.push((ends.at(-1) ?? 0) + piece.length);
  return {
    name,
    sizeBytes: ends.at(-1) ?? 0,
    async read(offsetBytes, lengthBytes) {
      checkRange(this, offsetBytes, lengthBytes);
      const end = offsetBytes + lengthBytes;
      const parts: Buffer[] = [];
      for (let index = pieceAt(ends, offsetBytes); lengthBytes > 0 && index < pieces.length; index++) {
        const piece = pieces[index]!;
        const start = ends[index]! - piece.length;
        if (start >= end) break;
        parts.push(piece.subarray(Math.max(0, offsetBytes - start), end - start));
      }
      return Buffer.concat(parts);
    },
  };
}

/** The piece that holds a byte: the first that ends behind it. */
function pieceAt(ends: readonly number[], offsetBytes: number): number {
  let [low, high] = [0, ends.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ends[middle]! > offsetBytes) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Throws unless the range is made of safe integers and lies inside the source. */
export function checkRange(source: { name: string; sizeBytes: number }, offsetBytes: number, lengthBytes: number): void {
  const valid = Number.isSafeInteger(offsetBytes) && Number.isSafeInteger(lengthBytes) && offsetBytes >= 0 && lengthBytes >= 0;
  if (valid && offsetBytes + lengthBytes <= source.sizeBytes) return;
  throw new MkinitrdError({
    tried: `reading ${lengthBytes} bytes at byte ${offsetBytes}`,
    on: source.name,
    found: `it ends at byte ${source.sizeBytes}`,
    next: "check that the disk or image file is whole",
  });
}
