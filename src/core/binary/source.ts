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
  close?(): Promise<void>;
}

/** The bytes of `source` from `startBytes` on, as a source of its own. Throws when they reach past the end. */
export function window(source: Source, startBytes: number, sizeBytes: number, name = source.name): Source {
  checkRange(source, startBytes, sizeBytes);
  return {
    name,
    sizeBytes,
    async read(offsetBytes, lengthBytes) {
      checkRange(this, offsetBytes, lengthBytes);
      return source.read(startBytes + offsetBytes, lengthBytes);
    },
  };
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
