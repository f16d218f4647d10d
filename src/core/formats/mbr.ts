import type { Source } from "../binary/source.ts";
import { struct, u16le, u32le, u8 } from "../binary/struct.ts";
import type { Decoded } from "../binary/struct.ts";
import { MkinitrdError } from "../errors.ts";
import { isFilesystemBootSector } from "./boot-sector.ts";
import type { Partition, PartitionTable } from "./partition-table.ts";

const SIGNATURE = 0xaa55;
/** A disk label of AIX at byte 0, with an unrelated table behind it (as libblkid knows it). */
const AIX_MAGIC = 0xc1d4c2c9;
const ENTRIES_OFFSET = 446;
/** Type of the one partition of a protective MBR: the disk has a GPT. UEFI 2.10, section 5.2.3. */
const PROTECTIVE_TYPE = 0xee;
const EXTENDED_TYPES = [0x05, 0x0f, 0x85];
/** The kernel makes at most so many partitions of a disk. */
const MAX_PARTITIONS = 256;

/** Master boot record, and the extended ones of a chain of logical partitions. UEFI 2.10, section 5.2.1. */
const mbrSector = struct("MBR", 512, {
  aixMagic: u32le(0),
  diskSignature: u32le(440),
  signature: u16le(510), // 0xaa55
});

/** MBR partition record. The CHS fields at 1 and 5 are not used. UEFI 2.10, section 5.2.1. */
const mbrEntry = struct("MBR partition record", 16, {
  bootIndicator: u8(0), // 0x80: the BIOS boots this one; else 0
  typeByte: u8(4),
  startLba: u32le(8), // logical blocks; in an extended record relative, see below
  lengthBlocks: u32le(12), // 0: unused
});

type Entry = Decoded<typeof mbrEntry>;

/**
 * The MBR partition table of a disk, with the logical partitions of its extended ones. Undefined for anything else that
 * ends in the same signature: a filesystem's boot sector, a protective MBR (whose disk has a GPT), boot code.
 * A table without partitions may be boot code in front of other content, a filesystem or an LVM2 physical volume.
 */
export async function probeMbr(source: Source, logicalBlockBytes: number): Promise<PartitionTable | undefined> {
  if (source.sizeBytes < mbrSector.sizeBytes) return undefined;
  const mbr = decodeSector(await source.read(0, mbrSector.sizeBytes));
  if (mbr === undefined || mbr.aixMagic === AIX_MAGIC || !mbr.entries.every(isSane)) return undefined;
  if (await isFilesystemBootSector(source)) return undefined;
  const disk: Disk = { source, blockBytes: logicalBlockBytes, signature: mbr.diskSignature, partitions: [], damage: [] };
  mbr.entries.forEach((entry, index) => addPartition(disk, index + 1, entry.startLba, entry));
  for (const entry of mbr.entries.filter(isExtended)) await readLogical(disk, entry);
  return {
    type: "dos",
    uuid: hex(mbr.diskSignature, 8),
    partitions: disk.partitions,
    usedCopy: "primary",
    damage: disk.damage,
    logicalBlockBytes,
  };
}

/**
 * Whether a disk's first sector announces a GPT: a partition of type 0xee from block 1 on, which is what the kernel asks
 * for (block/partitions/efi.c, is_pmbr_valid). Other partitions may stand beside it.
 */
export function isProtectiveMbr(sector: Buffer): boolean {
  const entries = decodeSector(sector)?.entries ?? [];
  return entries.some(({ typeByte, startLba }) => typeByte === PROTECTIVE_TYPE && startLba === 1);
}

/** The four records of a boot sector, or undefined when it does not end in the signature. */
function decodeSector(sector: Buffer): { aixMagic: number; diskSignature: number; entries: Entry[] } | undefined {
  const { signature, ...rest } = mbrSector.decode(sector);
  if (signature !== SIGNATURE) return undefined;
  return { ...rest, entries: [0, 1, 2, 3].map((index) => mbrEntry.decode(sector, ENTRIES_OFFSET + index * mbrEntry.sizeBytes)) };
}

interface Disk {
  source: Source;
  blockBytes: number;
  signature: number;
  partitions: Partition[];
  damage: string[];
}

/** Boot code, where a filesystem or a loader has it instead of a table, fails this almost always. */
function isSane({ bootIndicator, typeByte }: Entry): boolean {
  return (bootIndicator === 0 || bootIndicator === 0x80) && typeByte !== PROTECTIVE_TYPE;
}

function isExtended({ typeByte, lengthBlocks }: Entry): boolean {
  return lengthBlocks > 0 && EXTENDED_TYPES.includes(typeByte);
}

/** Adds a partition, as the kernel does: one that begins behind the disk's end is left out, one that passes it is cut. */
function addPartition(disk: Disk, number: number, startLba: number, entry: Entry): void {
  const { lengthBlocks, typeByte } = entry;
  if (lengthBlocks === 0) return;
  const startBytes = startLba * disk.blockBytes;
  const sizeBytes = lengthBlocks * disk.blockBytes;
  const roomBytes = disk.source.sizeBytes - startBytes;
  if (roomBytes < sizeBytes) {
    const what = roomBytes <= 0 ? "it was left out" : "it was cut there";
    disk.damage.push(`partition ${number} ends at byte ${startBytes + sizeBytes}, the disk at ${disk.source.sizeBytes}: ${what}`);
  }
  if (roomBytes <= 0) return;
  disk.partitions.push({
    number,
    startBytes,
    sizeBytes: Math.min(sizeBytes, roomBytes),
    ...(roomBytes < sizeBytes && !isExtended(entry) ? { cutBytes: sizeBytes - roomBytes } : {}),
    partUuid: `${hex(disk.signature, 8)}-${hex(number, 2)}`,
    typeByte,
  });
}

/**
 * Follows the chain of extended boot records, each with a logical partition (its start counts from the record) and a link
 * to the next record (its start counts from the extended partition). Linux, block/partitions/msdos.c, parse_extended.
 */
async function readLogical(disk: Disk, extended: Entry): Promise<void> {
  const seen = new Set<number>();
  let next = Math.max(5, ...disk.partitions.map(({ number }) => number + 1));
  let record = { lba: extended.startLba, lengthBlocks: extended.lengthBlocks };
  while (next <= MAX_PARTITIONS) {
    if (seen.has(record.lba)) return void disk.damage.push(`the chain of logical partitions comes back to block ${record.lba}`);
    if (seen.size > MAX_PARTITIONS) return void disk.damage.push(`the chain of logical partitions has over ${MAX_PARTITIONS} links`);
    seen.add(record.lba);
    const entries = await readRecord(disk, record.lba);
    if (entries === undefined) return;
    for (const [index, entry] of entries.entries()) {
      const isData = entry.lengthBlocks > 0 && !isExtended(entry);
      if (!isData || (index >= 2 && !fits(entry, record, extended))) continue;
      addPartition(disk, next++, record.lba + entry.startLba, entry);
    }
    const link = entries.find(isExtended);
    if (link === undefined) return;
    record = { lba: extended.startLba + link.startLba, lengthBlocks: link.lengthBlocks };
  }
}

/** The third and fourth entry of a record hold data on OS/2's disks, and rubbish on others. */
function fits(entry: Entry, record: { lba: number; lengthBlocks: number }, extended: Entry): boolean {
  const start = record.lba + entry.startLba;
  const inRecord = entry.startLba + entry.lengthBlocks <= record.lengthBlocks;
  return inRecord && start >= extended.startLba && start + entry.lengthBlocks <= extended.startLba + extended.lengthBlocks;
}

async function readRecord(disk: Disk, lba: number): Promise<Entry[] | undefined> {
  try {
    const record = decodeSector(await disk.source.read(lba * disk.blockBytes, mbrSector.sizeBytes));
    if (record === undefined) disk.damage.push(`the chain of logical partitions ends at block ${lba}, which has no signature`);
    return record?.entries;
  } catch (error) {
    if (!(error instanceof MkinitrdError)) throw error;
    disk.damage.push(`the chain of logical partitions ends at block ${lba}: ${error.found}`);
    return undefined;
  }
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");
