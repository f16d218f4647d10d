import type { Compiler } from "./compile.ts";
import type { Partition, PartitionTable } from "./recipe.ts";

const SECTOR_BYTES = 512;
/** sfdisk(8): partitions begin at multiples of it, the first at one of them. */
const ALIGNMENT_BYTES = 1024 ** 2;

/** A partition table, by sfdisk(8), whose script this is: see "HEADER LINES" and "NAMED-FIELDS FORMAT" there. */
export function writeTable({ step }: Compiler, disk: string, table: PartitionTable): void {
  const header = [`label: ${table.type}`, ...(table.id === undefined ? [] : [`label-id: ${table.id}`])];
  step({
    about: `${table.type} partition table on ${disk}`,
    program: "sfdisk",
    args: ["--quiet", "--no-tell-kernel", disk],
    input: `${[...header, "", ...table.partitions.map(formatPartition)].join("\n")}\n`,
  });
  step({ about: `partitions of ${disk} as devices`, program: "busybox", args: ["blockdev", "--rereadpt", disk] });
}

/** The device node of a disk's partition; `index` is from 0. */
export function partitionPath(disk: string, index: number): string {
  return `${disk}${/\d$/.test(disk) ? "p" : ""}${index + 1}`;
}

/** In bytes; `index` is from 0. Those in front of it have a size. */
export function partitionStart({ partitions }: PartitionTable, index: number): number {
  return partitions.slice(0, index).reduce((start, { sizeBytes = 0 }) => Math.ceil((start + sizeBytes) / ALIGNMENT_BYTES) * ALIGNMENT_BYTES, ALIGNMENT_BYTES);
}

function formatPartition({ sizeBytes, type, label, uuid }: Partition): string {
  return [
    ...(sizeBytes === undefined ? [] : [`size=${sizeBytes / SECTOR_BYTES}`]),
    `type=${type}`,
    ...(uuid === undefined ? [] : [`uuid=${uuid}`]),
    ...(label === undefined ? [] : [`name="${label}"`]),
  ].join(", ");
}
