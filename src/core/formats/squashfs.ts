import type { Source } from "../binary/source.ts";
import { struct, toNumber, u16le, u32le, u64le } from "../binary/struct.ts";
import { hex32, MkinitrdError } from "../errors.ts";
import type { Content } from "./content.ts";

/** Superblock of squashfs 4.0, at byte 0. Linux fs/squashfs/squashfs_fs.h, struct squashfs_super_block. */
const superblock = struct("squashfs superblock", 96, {
  magic: u32le(0), // "hsqs"
  blockSizeBytes: u32le(12),
  blockLog: u16le(22), // of the block size
  versionMajor: u16le(28),
  versionMinor: u16le(30),
  bytesUsed: u64le(40), // of the device
  idTableByte: u64le(48), // where this table begins, as for those below
  inodeTableByte: u64le(64),
  directoryTableByte: u64le(72),
});

const MAGIC = 0x73717368;
const SMALLEST_BLOCK = 4096;
const LARGEST_BLOCK = 1024 * 1024;

/** A squashfs; it has neither UUID nor label. Undefined without the magic; throws where a size or a place in it is wrong. */
export async function probeSquashfs(source: Source): Promise<Content | undefined> {
  if (source.sizeBytes < superblock.sizeBytes) return undefined;
  const decoded = superblock.decode(await source.read(0, superblock.sizeBytes));
  if (decoded.magic !== MAGIC) return undefined;
  const { blockSizeBytes, blockLog, versionMajor, versionMinor } = decoded;
  if (versionMajor !== 4) throw failure(source, `its version is ${versionMajor}.${versionMinor}, Linux reads 4.0`);
  if (blockLog > 20 || blockSizeBytes !== 1 << blockLog || blockSizeBytes < SMALLEST_BLOCK || blockSizeBytes > LARGEST_BLOCK) {
    throw failure(source, `the block size is ${blockSizeBytes} bytes and its logarithm ${blockLog}`);
  }
  for (const [table, startByte] of [["inode", decoded.inodeTableByte], ["directory", decoded.directoryTableByte], ["ID", decoded.idTableByte]] as const) {
    if (startByte < BigInt(superblock.sizeBytes) || startByte >= decoded.bytesUsed) throw failure(source, `its ${table} table begins at byte ${startByte} of ${decoded.bytesUsed}`);
  }
  return { type: "squashfs", version: `${versionMajor}.${versionMinor}`, blockSizeBytes, sizeBytes: toNumber(decoded.bytesUsed, `the size of the squashfs on ${source.name}`) };
}

function failure(source: Source, found: string): MkinitrdError {
  return new MkinitrdError({ tried: "reading the squashfs superblock", on: `${source.name} at byte 0, magic ${hex32(MAGIC)}`, found, next: "write the image again: it has no second copy" });
}
