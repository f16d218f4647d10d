import { crc32 } from "../binary/checksums.ts";
import { ZERO_GUID } from "../binary/guid.ts";
import type { Source } from "../binary/source.ts";
import { ascii, guid, struct, toNumber, u32le, u64le, utf16le } from "../binary/struct.ts";
import type { Decoded } from "../binary/struct.ts";
import { hex32, MkinitrdError } from "../errors.ts";
import { isProtectiveMbr } from "./mbr.ts";
import type { Partition, PartitionTable } from "./partition-table.ts";

const SIGNATURE = "EFI PART";
const ENTRY_MIN_BYTES = 128;
/** The kernel refuses a larger array, too; the usual one has 16 KiB. */
const ENTRIES_MAX_BYTES = 4 * 1024 * 1024;

/** GPT header, in logical block 1 and again in the disk's last. UEFI 2.10, section 5.3.2. LBAs count logical blocks. */
export const gptHeader = struct("GPT header", 92, {
  signature: ascii(0, 8), // "EFI PART"
  revision: u32le(8), // 0x00010000
  headerSize: u32le(12), // bytes covered by headerCrc32
  headerCrc32: u32le(16), // computed with these four bytes as zero
  myLba: u64le(24),
  alternateLba: u64le(32), // where the other copy is
  firstUsableLba: u64le(40),
  lastUsableLba: u64le(48), // inclusive
  diskGuid: guid(56),
  entriesLba: u64le(72),
  entryCount: u32le(80),
  entrySize: u32le(84), // 128 × 2^n
  entriesCrc32: u32le(88), // of entryCount × entrySize bytes
});

/** GPT partition entry. UEFI 2.10, section 5.3.3. */
export const gptEntry = struct("GPT partition entry", 128, {
  typeGuid: guid(0), // zero: unused
  partGuid: guid(16),
  firstLba: u64le(32),
  lastLba: u64le(40), // inclusive
  attributes: u64le(48),
  name: utf16le(56, 72),
});

type Header = Decoded<typeof gptHeader>;

/** One of the two copies, checked: its header and the bytes of its entry array. */
interface Copy {
  header: Header;
  entries: Buffer;
}

/**
 * The GPT of a disk, counted in the given logical block. Undefined without a protective MBR, or when neither block 1 nor
 * the last one has the signature. The primary copy is used when it is valid, and else the backup; `damage` tells.
 * Throws MkinitrdError when there is a signature and no valid copy.
 */
export async function probeGpt(source: Source, logicalBlockBytes: number): Promise<PartitionTable | undefined> {
  const lastLba = Math.floor(source.sizeBytes / logicalBlockBytes) - 1;
  if (lastLba < 2 || !isProtectiveMbr(await source.read(0, 512))) return undefined;
  const primary = await attempt(() => readCopy(source, 1, logicalBlockBytes, lastLba));
  const backupLba = primary.copy === undefined ? lastLba : backupPlace(primary.copy.header, lastLba);
  const backup = await attempt(() => readCopy(source, backupLba, logicalBlockBytes, lastLba));
  const used = primary.copy ?? backup.copy;
  if (used === undefined) {
    const cause = primary.problem ?? backup.problem;
    if (cause !== undefined) throw cause;
    return undefined;
  }
  const damage = [
    ...(primary.copy === undefined ? [`primary header damaged, the backup was used: ${reason(primary)}`] : []),
    ...(backup.copy === undefined ? [`backup header damaged: ${reason(backup)}`] : []),
    ...compareCopies(primary.copy, backup.copy, lastLba),
  ];
  return {
    type: "gpt",
    uuid: used.header.diskGuid,
    partitions: decodeEntries(used, logicalBlockBytes, damage),
    usedCopy: primary.copy === undefined ? "backup" : "primary",
    damage,
    logicalBlockBytes,
  };
}

/** A copy, or what is wrong with it; neither when there is no signature. */
interface Attempt {
  copy?: Copy;
  problem?: MkinitrdError;
}

async function attempt(read: () => Promise<Copy | undefined>): Promise<Attempt> {
  try {
    const copy = await read();
    return copy === undefined ? {} : { copy };
  } catch (problem) {
    if (problem instanceof MkinitrdError) return { problem };
    throw problem;
  }
}

const reason = ({ problem }: Attempt): string => (problem === undefined ? "it has no signature" : problem.found);

/** Where the valid primary says that its backup is; the end of the disk when it names no block of it. */
function backupPlace({ alternateLba }: Header, lastLba: number): number {
  return alternateLba > 1n && alternateLba <= BigInt(lastLba) ? Number(alternateLba) : lastLba;
}

/** Reads one copy: signature, checksum, bounds, and the same of its entries. Undefined without the signature. */
async function readCopy(source: Source, lba: number, blockBytes: number, lastLba: number): Promise<Copy | undefined> {
  const block = await source.read(lba * blockBytes, blockBytes);
  const header = gptHeader.decode(block);
  if (header.signature !== SIGNATURE) return undefined;
  const on = `${source.name} at byte ${lba * blockBytes}`;
  const problem = headerProblem(header, block, lba, lastLba);
  if (problem !== undefined) throw new MkinitrdError({ tried: "reading the GPT header", on, found: problem });
  const entriesLba = toNumber(header.entriesLba, `${on}, LBA of the partition entries`);
  const entries = await source.read(entriesLba * blockBytes, header.entryCount * header.entrySize);
  const crc = crc32(entries);
  if (crc === header.entriesCrc32) return { header, entries };
  throw new MkinitrdError({
    tried: "reading the GPT partition entries",
    on: `${source.name} at byte ${entriesLba * blockBytes}`,
    found: `their CRC is ${hex32(crc)}, the header says ${hex32(header.entriesCrc32)}`,
  });
}

function headerProblem(header: Header, block: Buffer, lba: number, lastLba: number): string | undefined {
  const { headerSize, firstUsableLba, lastUsableLba, entryCount, entrySize } = header;
  if (headerSize < gptHeader.sizeBytes || headerSize > block.length) {
    return `header size is ${headerSize} bytes, it must be ${gptHeader.sizeBytes} to ${block.length}`;
  }
  const covered = Buffer.from(block.subarray(0, headerSize));
  covered.fill(0, gptHeader.fields.headerCrc32.offset, gptHeader.fields.headerCrc32.offset + 4);
  const crc = crc32(covered);
  if (crc !== header.headerCrc32) return `header CRC is ${hex32(crc)}, the header says ${hex32(header.headerCrc32)}`;
  if (header.myLba !== BigInt(lba)) return `the header says that it is in block ${header.myLba}, it is in block ${lba}`;
  if (firstUsableLba > lastUsableLba) return `usable blocks are ${firstUsableLba} to ${lastUsableLba}`;
  if (lastUsableLba > BigInt(lastLba)) {
    return `last usable block is ${lastUsableLba}, the disk ends at block ${lastLba}: it was cut short`;
  }
  if (firstUsableLba < BigInt(lba) && BigInt(lba) < lastUsableLba) return "the header lies among the usable blocks";
  if (entrySize < ENTRY_MIN_BYTES || entrySize % 8 !== 0) return `entry size is ${entrySize} bytes, it must be a multiple of 8 from 128 on`;
  if (entryCount === 0 || entryCount * entrySize > ENTRIES_MAX_BYTES) {
    return `${entryCount} entries of ${entrySize} bytes, at least one and at most ${ENTRIES_MAX_BYTES} bytes are read`;
  }
  return undefined;
}

function compareCopies(primary: Copy | undefined, backup: Copy | undefined, lastLba: number): string[] {
  if (primary === undefined || backup === undefined) return [];
  const same = primary.header.diskGuid === backup.header.diskGuid && primary.header.entriesCrc32 === backup.header.entriesCrc32;
  return [
    ...(same ? [] : ["the two copies differ, the primary was used"]),
    ...(backup.header.myLba === BigInt(lastLba) ? [] : [`the backup is in block ${backup.header.myLba}, the disk ends at block ${lastLba}`]),
  ];
}

function decodeEntries({ header, entries }: Copy, blockBytes: number, damage: string[]): Partition[] {
  const partitions: Partition[] = [];
  for (let index = 0; index < header.entryCount; index++) {
    const { typeGuid, partGuid, firstLba, lastLba, name } = gptEntry.decode(entries, index * header.entrySize);
    if (typeGuid === ZERO_GUID) continue;
    if (firstLba > lastLba || firstLba < header.firstUsableLba || lastLba > header.lastUsableLba) {
      damage.push(
        `partition ${index + 1} has blocks ${firstLba} to ${lastLba}, usable are ${header.firstUsableLba} to ${header.lastUsableLba}: it was left out`,
      );
      continue;
    }
    partitions.push({
      number: index + 1,
      startBytes: Number(firstLba) * blockBytes, // inside the disk, whose size is exact
      sizeBytes: (Number(lastLba - firstLba) + 1) * blockBytes,
      partUuid: partGuid,
      ...(name === "" ? {} : { partLabel: name.toWellFormed() }),
      typeGuid,
    });
  }
  return partitions;
}
