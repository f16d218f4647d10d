import { crc32cRaw } from "../binary/checksums.ts";
import type { Source } from "../binary/source.ts";
import { bytes, struct, u32le, u8, uuid } from "../binary/struct.ts";
import { hex32, MkinitrdError } from "../errors.ts";
import type { Content } from "./content.ts";
import { identity, labelText } from "./label.ts";

/** Superblock at byte 1024. Linux Documentation/filesystems/erofs.rst and fs/erofs/erofs_fs.h, struct erofs_super_block. */
const superblock = struct("EROFS superblock", 128, {
  magic: u32le(0), // 0xe0f5e1e2
  checksum: u32le(4), // CRC-32C, not inverted at the end, from here to the end of the block, with these bytes as zero
  featuresCompat: u32le(8),
  blockSizeLog: u8(12),
  blocks: u32le(36), // of the filesystem
  uuid: uuid(48),
  label: bytes(64, 16),
});

const SUPERBLOCK_BYTE = 1024;
const MAGIC = 0xe0f5e1e2;
const COMPAT_CHECKSUM = 0x1;
const SMALLEST_LOG = 9;
const LARGEST_LOG = 16; // 64 KiB, the largest page that Linux has

/** An EROFS. Undefined without the magic; throws when the checksum is wrong, or the block size none that Linux could use. */
export async function probeErofs(source: Source): Promise<Content | undefined> {
  if (source.sizeBytes < SUPERBLOCK_BYTE + superblock.sizeBytes) return undefined;
  const decoded = superblock.decode(await source.read(SUPERBLOCK_BYTE, superblock.sizeBytes));
  if (decoded.magic !== MAGIC) return undefined;
  const { blockSizeLog, blocks } = decoded;
  if (blockSizeLog < SMALLEST_LOG || blockSizeLog > LARGEST_LOG) throw failure(source, `the block size is 1 << ${blockSizeLog} bytes`);
  const blockSizeBytes = 1 << blockSizeLog;
  if (decoded.featuresCompat & COMPAT_CHECKSUM) await checkChecksum(source, decoded.checksum, blockSizeBytes);
  return { type: "erofs", ...identity(decoded.uuid, labelText(decoded.label)), blockSizeBytes, sizeBytes: blocks * blockSizeBytes };
}

/** It covers the rest of the superblock's block; where that is smaller than 1024 bytes, one block. fs/erofs/super.c. */
async function checkChecksum(source: Source, stored: number, blockSizeBytes: number): Promise<void> {
  const lengthBytes = blockSizeBytes > SUPERBLOCK_BYTE ? blockSizeBytes - SUPERBLOCK_BYTE : blockSizeBytes;
  if (source.sizeBytes < SUPERBLOCK_BYTE + lengthBytes) throw failure(source, `it ends at byte ${source.sizeBytes}, inside of the superblock's block`);
  const covered = await source.read(SUPERBLOCK_BYTE, lengthBytes);
  covered.fill(0, superblock.fields.checksum.offset, superblock.fields.checksum.offset + superblock.fields.checksum.lengthBytes);
  const crc = crc32cRaw(0xffffffff, covered);
  if (crc >>> 0 !== stored) throw failure(source, `the superblock's CRC is ${hex32(crc)}, the superblock says ${hex32(stored)}`);
}

function failure(source: Source, found: string): MkinitrdError {
  return new MkinitrdError({ tried: "reading the EROFS superblock", on: `${source.name} at byte ${SUPERBLOCK_BYTE}`, found, next: "write the image again: it has no second copy" });
}
