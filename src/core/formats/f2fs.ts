import { lvmCrc32 } from "../binary/checksums.ts";
import type { Source } from "../binary/source.ts";
import { struct, toNumber, u16le, u32le, u64le, utf16le, uuid } from "../binary/struct.ts";
import type { Decoded } from "../binary/struct.ts";
import { explain, hex32, MkinitrdError } from "../errors.ts";
import type { Content } from "./content.ts";
import { identity } from "./label.ts";

/** Superblock at byte 1024 of each of the first two blocks of 4096 bytes. Linux include/linux/f2fs_fs.h, struct f2fs_super_block. */
const superblock = struct("F2FS superblock", 3072, {
  magic: u32le(0), // 0xf2f52010
  versionMajor: u16le(4),
  versionMinor: u16le(6),
  blockSizeLog: u32le(16),
  checksumByte: u32le(32), // where the CRC is in the superblock, behind all that it covers; 0 for none
  blockCount: u64le(36),
  uuid: uuid(108),
  label: utf16le(124, 1024),
});

const COPIES = [1024, 4096 + 1024];
const MAGIC = 0xf2f52010;
const CRC_BYTES = 4;
const SMALLEST_LOG = 12;
const LARGEST_LOG = 16;

/**
 * An F2FS. Undefined where neither copy of the superblock has the magic; of two the first sound one counts, as in the kernel,
 * and `damage` says so. Throws when none is sound: a checksum, a block size.
 */
export async function probeF2fs(source: Source): Promise<Content | undefined> {
  const problems: MkinitrdError[] = [];
  for (const startByte of COPIES) {
    try {
      const content = await readCopy(source, startByte);
      if (content === undefined) continue;
      return problems.length === 0 ? content : { ...content, damage: problems.map(explain) };
    } catch (error) {
      if (!(error instanceof MkinitrdError)) throw error;
      problems.push(error);
    }
  }
  if (problems[0] !== undefined) throw problems[0];
  return undefined;
}

async function readCopy(source: Source, startByte: number): Promise<Content | undefined> {
  if (source.sizeBytes < startByte + superblock.sizeBytes) return undefined;
  const raw = await source.read(startByte, superblock.sizeBytes);
  const decoded = superblock.decode(raw);
  if (decoded.magic !== MAGIC) return undefined;
  checkChecksum(source, startByte, raw, decoded);
  const { blockSizeLog, blockCount, versionMajor, versionMinor, label } = decoded;
  if (blockSizeLog < SMALLEST_LOG || blockSizeLog > LARGEST_LOG) throw failure(source, startByte, `the block size is 1 << ${blockSizeLog} bytes`);
  const blockSizeBytes = 1 << blockSizeLog;
  return {
    type: "f2fs",
    version: `${versionMajor}.${versionMinor}`,
    ...identity(decoded.uuid, label === "" ? undefined : label),
    blockSizeBytes,
    sizeBytes: toNumber(blockCount * BigInt(blockSizeBytes), `the size of the F2FS on ${source.name}`),
  };
}

/** CRC-32 that starts with the magic and is not inverted at the end; fs/f2fs/f2fs.h, f2fs_crc32. */
function checkChecksum(source: Source, startByte: number, raw: Buffer, { checksumByte }: Decoded<typeof superblock>): void {
  if (checksumByte === 0) return;
  if (checksumByte % CRC_BYTES !== 0 || checksumByte > raw.length - CRC_BYTES) throw failure(source, startByte, `its CRC lies at byte ${checksumByte} of ${raw.length}`);
  const crc = lvmCrc32(raw.subarray(0, checksumByte), MAGIC) >>> 0;
  const stored = raw.readUInt32LE(checksumByte);
  if (crc !== stored) throw failure(source, startByte, `the superblock's CRC is ${hex32(crc)}, the superblock says ${hex32(stored)}`);
}

function failure(source: Source, startByte: number, found: string): MkinitrdError {
  return new MkinitrdError({ tried: "reading the F2FS superblock", on: `${source.name} at byte ${startByte}`, found, next: `check it from a running system: fsck.f2fs ${source.name}` });
}
