import { crc32Raw } from "../binary/checksums.ts";
import type { Source } from "../binary/source.ts";
import { bytes, struct, toNumber, u16le, u32le, u64le, uuid } from "../binary/struct.ts";
import type { Decoded } from "../binary/struct.ts";
import type { Content } from "./content.ts";
import { identity, labelText } from "./label.ts";
import { readInside } from "./superblock.ts";

/** Superblock. Linux include/uapi/linux/nilfs2_ondisk.h, struct nilfs_super_block. */
const superblock = struct("NILFS2 superblock", 1024, {
  revision: u32le(0),
  magic: u16le(6), // 0x3434
  lengthBytes: u16le(8), // that the checksum covers
  seed: u32le(12),
  checksum: u32le(16), // CRC-32 from the seed, not inverted at the end, with these bytes as zero
  blockLog: u32le(20), // block size is 1024 << this
  deviceBytes: u64le(32),
  lastCheckpoint: u64le(56),
  uuid: uuid(152),
  label: bytes(168, 80),
});

type Superblock = Decoded<typeof superblock>;

const MAGIC = 0x3434;
const PRIMARY_BYTE = 1024;
const BACKUP_SECTORS = 8; // before the end
const LARGEST_BLOCK_LOG = 6;

/**
 * A NILFS2, by the newer of its two superblocks. Undefined when neither has a right checksum: the magic has two bytes,
 * and says nothing alone. Reads 2 KiB.
 */
export async function probeNilfs(source: Source): Promise<Content | undefined> {
  const primary = await readSuperblock(source, PRIMARY_BYTE);
  const backup = await readSuperblock(source, (Math.floor(source.sizeBytes / 512) - BACKUP_SECTORS) * 512);
  // The last partition of a disk ends as the disk does.
  const usable = backup?.deviceBytes === BigInt(source.sizeBytes) ? backup : undefined;
  const newer = usable !== undefined && (primary === undefined || usable.lastCheckpoint > primary.lastCheckpoint) ? usable : primary;
  if (newer === undefined) return undefined;
  return {
    type: "nilfs2",
    version: `${newer.revision}`,
    ...identity(newer.uuid, labelText(newer.label)),
    blockSizeBytes: 1024 << newer.blockLog,
    sizeBytes: toNumber(newer.deviceBytes, `the size of the NILFS2 on ${source.name}`),
    ...(primary === undefined ? { damage: ["primary superblock damaged, the backup was used"] } : {}),
  };
}

async function readSuperblock(source: Source, startByte: number): Promise<Superblock | undefined> {
  const raw = await readInside(source, startByte, superblock.sizeBytes);
  if (raw === undefined) return undefined;
  const decoded = superblock.decode(raw);
  const { blockLog, checksum, lengthBytes, magic, seed } = decoded;
  const at = superblock.fields.checksum.offset;
  if (magic !== MAGIC || lengthBytes < at + 4 || lengthBytes > raw.length || blockLog > LARGEST_BLOCK_LOG) return undefined;
  return crc32Raw(seed, Buffer.from(raw.subarray(0, lengthBytes)).fill(0, at, at + 4)) === checksum ? decoded : undefined;
}
