import { checkRange } from "../binary/source.ts";
import type { Source } from "../binary/source.ts";
import { MkinitrdError } from "../errors.ts";
import { chunkedSource } from "./chunks.ts";
import { firstThatReads } from "./mirror-legs.ts";

/** Copies of each chunk: `near` ones on neighbours in a row; times `far` ones, a part of the disk (or, offset, a row) away. */
export interface Raid10Layout {
  near: number;
  far: number;
  offset: boolean;
  /** The disks among which far copies go round: all, or, in the layout "far with sets", as many as there are copies. */
  farSetDisks: number;
}

/** An array of level 10, or 0, which is one copy. */
export interface Raid10Array {
  name: string;
  layout: Raid10Layout;
  chunkBytes: number;
  sizeBytes: number;
  /** Of the data of each disk. */
  diskBytes: number;
  /** In the order of their roles; undefined is a missing one. */
  disks: (Source | undefined)[];
}

/** What an array holds, each chunk from the first copy that can be read. Throws when all copies of some chunks are missing. */
export function openRaid10Array({ name, chunkBytes, diskBytes, disks, layout, sizeBytes }: Raid10Array): Source {
  const { far, near, offset } = layout;
  const rowsOfDisk = Math.floor(diskBytes / chunkBytes);
  const strideRows = offset ? 1 : Math.floor(rowsOfDisk / far);
  const rows = Math.ceil((Math.ceil(sizeBytes / chunkBytes) * near) / disks.length);
  if (near * far < 1 || near * far > disks.length || rows * (offset ? far : 1) > (far === 1 || offset ? rowsOfDisk : strideRows)) {
    throw failure(`${sizeBytes} bytes in ${near * far} copies do not fit on ${disks.length} disks of ${diskBytes} bytes`);
  }
  for (const disk of disks) if (disk !== undefined) checkRange(disk, 0, diskBytes);
  // Chunks repeat their places after as many rows as there are disks at most.
  const lost = Array.from({ length: Math.min(disks.length, Math.ceil(sizeBytes / chunkBytes)) }, (_, chunk) => copies(chunk))
    .find((places) => places.every(({ disk }) => disks[disk] === undefined));
  if (lost !== undefined) throw failure(`disks ${lost.map(({ disk }) => disk).join(" and ")} are missing, and hold all copies of some chunks`);

  return chunkedSource(name, sizeBytes, chunkBytes, async (chunk, within, length) => {
    const reads = copies(chunk).flatMap(({ disk, row }) => {
      const source = disks[disk];
      return source === undefined ? [] : [() => source.read(row * chunkBytes + within, length)];
    });
    return firstThatReads(name, reads);
  });

  /** Linux drivers/md/raid10.c, __raid10_find_phys. */
  function copies(chunk: number): { disk: number; row: number }[] {
    const places: { disk: number; row: number }[] = [];
    for (let copy = 0; copy < near; copy++) {
      const place = chunk * near + copy;
      let disk = place % disks.length;
      let row = Math.floor(place / disks.length) * (offset ? far : 1);
      for (let again = 0; again < far; again++) {
        places.push({ disk, row });
        disk = nextDisk(disk);
        row += strideRows;
      }
    }
    return places;
  }

  /** The last set takes what is left over, when the disks are no whole number of sets. */
  function nextDisk(disk: number): number {
    const { farSetDisks } = layout;
    const lastStart = (Math.floor(disks.length / farSetDisks) - 1) * farSetDisks;
    const uneven = disks.length % farSetDisks !== 0;
    const start = uneven && disk + near > lastStart ? lastStart : Math.floor(disk / farSetDisks) * farSetDisks;
    const size = uneven && disk + near > lastStart ? disks.length - lastStart : farSetDisks;
    return start + ((disk + near - start) % size);
  }

  function failure(found: string): MkinitrdError {
    return new MkinitrdError({ tried: "opening an array of mirrored stripes", on: name, found });
  }
}
