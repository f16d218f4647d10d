import { SECTOR_BYTES, window } from "../binary/source.ts";
import { explain } from "../errors.ts";
import { probeMd } from "../formats/md.ts";
import type { Partition, PartitionTable } from "../formats/partition-table.ts";
import { isLvmDevice } from "./lvm-volumes.ts";
import { readPartitionTable } from "./partitions.ts";
import type { BlockDevice, Volume } from "./types.ts";

/** Types of an MBR's extended partition: DOS, Windows, Linux. */
const EXTENDED = [0x05, 0x0f, 0x85];

/** What a disk says of its partitions: a table, what is wrong with it, or neither. */
export interface TableResult {
  table?: PartitionTable;
  damage?: string;
}

/** The tables of all devices that may have one, by path. */
export async function readTables(devices: BlockDevice[]): Promise<Map<string, TableResult>> {
  const tables = new Map<string, TableResult>();
  await Promise.all(devices.filter(mayHoldPartitions).map(async (device) => tables.set(device.path, await readTable(device))));
  return tables;
}

/**
 * The devices without the partitions that the kernel sees on each member of a mirror of whole disks, whose superblock is at
 * the end: they are the array's, and the disk is a member. A superblock inside of a partition is that of the partition.
 */
export async function withoutMembersPartitions(devices: BlockDevice[], tables: Map<string, TableResult>): Promise<BlockDevice[]> {
  const members = new Set<string>();
  await Promise.all(devices.filter(mayHoldPartitions).map(async ({ path, source }) => {
    const kernels = devices.filter(({ partitionOf }) => partitionOf?.disk === path)
      .map((device) => ({ startBytes: (device.partitionOf?.startSector ?? 0) * SECTOR_BYTES, sizeBytes: device.source.sizeBytes }));
    const partitions = [...kernels, ...(tables.get(path)?.table?.partitions ?? [])];
    if (partitions.length === 0) return;
    const at = (await probeMd(source).catch(() => undefined))?.superblockByte;
    if (at === undefined || partitions.some(({ startBytes, sizeBytes }) => at >= startBytes && at < startBytes + sizeBytes)) return;
    members.add(path);
    tables.delete(path);
  }));
  return devices.filter(({ partitionOf }) => partitionOf === undefined || !members.has(partitionOf.disk));
}

function mayHoldPartitions(device: BlockDevice): boolean {
  return device.partitionOf === undefined && !isLvmDevice(device);
}

async function readTable({ logicalBlockBytes, source }: BlockDevice): Promise<TableResult> {
  try {
    const table = await readPartitionTable(source, logicalBlockBytes);
    return table === undefined ? {} : { table, ...(table.damage.length === 0 ? {} : { damage: table.damage.join("; ") }) };
  } catch (error) {
    return { damage: explain(error) };
  }
}

/** A partition that the kernel did not make, as a volume. */
export function windowOf(disk: Volume, { source }: BlockDevice, entry: Partition): Volume {
  const name = `${disk.name}:${entry.number}`;
  // As the kernel does: of an extended partition only the place for a boot loader, since others lie in the rest.
  const sizeBytes = EXTENDED.includes(entry.typeByte ?? 0) ? Math.min(1024, entry.sizeBytes) : entry.sizeBytes;
  return {
    name,
    layer: "partition",
    sizeBytes,
    source: window(source, entry.startBytes, sizeBytes, name),
    partition: describeEntry(entry),
    parent: disk.name,
  };
}

/** What a volume says of the table on it. */
export function describeTable({ logicalBlockBytes, type, usedCopy, uuid }: PartitionTable): NonNullable<Volume["table"]> {
  return { type, uuid, usedCopy, logicalBlockBytes };
}

/** What a volume says of its entry in the table. */
export function describeEntry({ cutBytes, number, partLabel, partUuid, startBytes, typeGuid }: Partition): NonNullable<Volume["partition"]> {
  return {
    number,
    startBytes,
    ...(cutBytes === undefined ? {} : { cutBytes }),
    partUuid,
    ...(partLabel === undefined ? {} : { partLabel }),
    ...(typeGuid === undefined ? {} : { typeGuid }),
  };
}
