import { checkRange, SECTOR_BYTES } from "../binary/source.ts";
import type { Source } from "../binary/source.ts";
import { MkinitrdError } from "../errors.ts";
import type { Span } from "./device.ts";

/** dm-error: nothing can be read. Linux drivers/md/dm-target.c, io_err_target. LVM puts it where a device is missing. */
export type ErrorTarget = Span;

/** The target's line of a table, as `dmsetup create` takes it. */
export function errorLine({ lengthSectors, startSector }: ErrorTarget): string {
  return `${startSector} ${lengthSectors} error`;
}

/** A source of which every read throws, and names the sectors of the table. */
export function openError({ lengthSectors, startSector }: ErrorTarget): Source {
  return {
    name: "error",
    sizeBytes: lengthSectors * SECTOR_BYTES,
    async read(offsetBytes, lengthBytes) {
      checkRange(this, offsetBytes, lengthBytes);
      if (lengthBytes === 0) return Buffer.alloc(0);
      const first = startSector + Math.floor(offsetBytes / SECTOR_BYTES);
      const last = startSector + Math.floor((offsetBytes + lengthBytes - 1) / SECTOR_BYTES);
      throw new MkinitrdError({
        tried: `reading sectors ${first} to ${last}`,
        on: "the target error",
        found: "it can't be read: the table has an error target there",
        next: "look for the device that is missing from the volume",
      });
    },
  };
}
