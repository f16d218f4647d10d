import { SECTOR_BYTES } from "../binary/source.ts";
import type { Source } from "../binary/source.ts";
import { MkinitrdError } from "../errors.ts";
import { probeGpt } from "../formats/gpt.ts";
import { isProtectiveMbr, probeMbr } from "../formats/mbr.ts";
import type { PartitionTable } from "../formats/partition-table.ts";

/**
 * The partition table of a disk: GPT, counted in the given logical block and then, since a disk image or a USB bridge may
 * have changed it, in 512 and 4096 bytes; else MBR. Undefined when there is none. Of an image file nobody knows the block: then
 * it is what the table says.
 * Throws MkinitrdError when a GPT is announced and no copy of it can be used.
 */
export async function readPartitionTable(source: Source, logicalBlockBytes: number | undefined): Promise<PartitionTable | undefined> {
  if (source.sizeBytes < 512) return undefined;
  const problems: MkinitrdError[] = [];
  for (const blockBytes of new Set([logicalBlockBytes ?? SECTOR_BYTES, 512, 4096])) {
    const table = await probeGpt(source, blockBytes).catch((error: unknown) => {
      if (!(error instanceof MkinitrdError)) throw error;
      problems.push(error);
      return undefined;
    });
    if (table === undefined) continue;
    if (blockBytes === (logicalBlockBytes ?? blockBytes)) return table;
    const note = `the table counts blocks of ${blockBytes} bytes, the disk has ${logicalBlockBytes}`;
    return { ...table, damage: [note, ...table.damage] };
  }
  if (problems[0] !== undefined) throw problems[0];
  await refuseLoneProtectiveMbr(source);
  return probeMbr(source, logicalBlockBytes ?? SECTOR_BYTES);
}

/** A protective MBR says that there is a GPT; without one the disk was damaged or cut short. */
async function refuseLoneProtectiveMbr(source: Source): Promise<void> {
  if (!isProtectiveMbr(await source.read(0, 512))) return;
  throw new MkinitrdError({
    tried: "reading the partition table",
    on: source.name,
    found: "a protective MBR, and no GPT header behind it or at the end of the disk",
    next: `look at the disk with: gdisk -l ${source.name}`,
  });
}
