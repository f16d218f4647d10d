import { checkRange, SECTOR_BYTES } from "../binary/source.ts";
import type { Source } from "../binary/source.ts";
import type { Span } from "./device.ts";

/** dm-zero: zeros. Linux Documentation/admin-guide/device-mapper/zero.rst. */
export type Zero = Span;

/** The target's line of a table, as `dmsetup create` takes it. */
export function zeroLine({ lengthSectors, startSector }: Zero): string {
  return `${startSector} ${lengthSectors} zero`;
}

/** So many zeros. */
export function openZero({ lengthSectors }: Zero): Source {
  return {
    name: "zero",
    sizeBytes: lengthSectors * SECTOR_BYTES,
    async read(offsetBytes, lengthBytes) {
      checkRange(this, offsetBytes, lengthBytes);
      return Buffer.alloc(lengthBytes);
    },
  };
}
