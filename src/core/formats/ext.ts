import { crc32cRaw } from "../binary/checksums.ts";
import type { Source } from "../binary/source.ts";
import { bytes, struct, toNumber, u16le, u32le, uuid } from "../binary/struct.ts";
import type { Decoded } from "../binary/struct.ts";
import { hex32, MkinitrdError } from "../errors.ts";
import type { Content } from "./content.ts";
import { identity, labelText } from "./label.ts";

/** Superblock of ext2, ext3 and ext4, at byte 1024. Linux Documentation/filesystems/ext4/super.rst. */
const superblock = struct("ext superblock", 1024, {
  blocksLow: u32le(0x4),
  logBlockSize: u32le(0x18), // block size is 1024 << this
  magic: u16le(0x38), // 0xef53
  featuresCompat: u32le(0x5c),
  featuresIncompat: u32le(0x60),
  featuresRoCompat: u32le(0x64),
  uuid: uuid(0x68),
  label: bytes(0x78, 16),
  blocksHigh: u32le(0x150), // with the feature 64bit
  flags: u32le(0x160),
  checksum: u32le(0x3fc), // CRC-32C of all before it, not inverted at the end; with the feature metadata_csum
});

const SUPERBLOCK_BYTE = 1024;
const MAGIC = 0xef53;
const MAX_LOG_BLOCK_SIZE = 6; // 64 KiB, the largest that Linux knows

const COMPAT_HAS_JOURNAL = 0x4;
const INCOMPAT_JOURNAL_DEVICE = 0x8;
const INCOMPAT_64BIT = 0x80;
const RO_COMPAT_METADATA_CSUM = 0x400;
const FLAG_TEST_FILESYSTEM = 0x4;

/** Features that each driver knows: sparse_super, large_file, btree_dir; filetype, meta_bg; and for ext3 the journal's. */
const EXT3_RO_COMPAT = 0x1 | 0x2 | 0x4;
const EXT2_INCOMPAT = 0x2 | 0x10;
const EXT3_INCOMPAT = EXT2_INCOMPAT | 0x4;

/**
 * An ext2, ext3 or ext4 filesystem, or an external journal (`jbd`), told apart by their features as blkid does. Undefined
 * without the magic number; throws when the superblock's checksum or a size in it is wrong.
 */
export async function probeExt(source: Source): Promise<Content | undefined> {
  if (source.sizeBytes < SUPERBLOCK_BYTE + superblock.sizeBytes) return undefined;
  const raw = await source.read(SUPERBLOCK_BYTE, superblock.sizeBytes);
  const decoded = superblock.decode(raw);
  if (decoded.magic !== MAGIC) return undefined;
  checkChecksum(source, raw, decoded);
  if (decoded.logBlockSize > MAX_LOG_BLOCK_SIZE) throw failure(source, `the block size is 1024 << ${decoded.logBlockSize}`);
  const type = filesystemType(decoded);
  if (type === undefined) throw failure(source, "its features fit none of ext2, ext3 and ext4");

  const blockSizeBytes = 1024 << decoded.logBlockSize;
  const high = decoded.featuresIncompat & INCOMPAT_64BIT ? decoded.blocksHigh : 0;
  const blocks = (BigInt(high) << 32n) | BigInt(decoded.blocksLow);
  return {
    type,
    ...identity(decoded.uuid, labelText(decoded.label)),
    blockSizeBytes,
    sizeBytes: toNumber(blocks * BigInt(blockSizeBytes), `the size of the ${type} filesystem on ${source.name}`),
  };
}

/** As libblkid's ext.c: a feature that ext3 doesn't know makes it ext4; without a journal it is ext2. */
function filesystemType(decoded: Decoded<typeof superblock>): string | undefined {
  const { featuresCompat, featuresIncompat, featuresRoCompat, flags } = decoded;
  if (featuresIncompat & INCOMPAT_JOURNAL_DEVICE) return "jbd";
  const knownByExt3 = (featuresRoCompat & ~EXT3_RO_COMPAT) === 0 && (featuresIncompat & ~EXT3_INCOMPAT) === 0;
  if (!knownByExt3) return flags & FLAG_TEST_FILESYSTEM ? "ext4dev" : "ext4";
  if (featuresCompat & COMPAT_HAS_JOURNAL) return "ext3";
  return (featuresIncompat & ~EXT2_INCOMPAT) === 0 ? "ext2" : undefined;
}

function checkChecksum(source: Source, raw: Buffer, decoded: Decoded<typeof superblock>): void {
  if ((decoded.featuresRoCompat & RO_COMPAT_METADATA_CSUM) === 0) return;
  const crc = crc32cRaw(0xffffffff, raw.subarray(0, superblock.fields.checksum.offset));
  if (crc === decoded.checksum) return;
  throw failure(source, `the superblock's CRC is ${hex32(crc)}, the superblock says ${hex32(decoded.checksum)}`);
}

function failure(source: Source, found: string): MkinitrdError {
  return new MkinitrdError({
    tried: "reading the ext superblock",
    on: `${source.name} at byte ${SUPERBLOCK_BYTE}`,
    found,
    next: "check it from a running system: e2fsck, which knows where the backup superblocks are",
  });
}
