import { crc64 } from "../binary/checksums.ts";
import type { Source } from "../binary/source.ts";
import { bytes, struct, u16le, u64le, uuid } from "../binary/struct.ts";
import { MkinitrdError } from "../errors.ts";
import type { Content } from "./content.ts";
import { identity, labelText } from "./label.ts";
import { readInside } from "./superblock.ts";

/** Superblock of a bcache device, at byte 4096. Linux drivers/md/bcache/bcache_ondisk.h, struct cache_sb_disk. */
export const bcacheSuperblock = struct("bcache superblock", 208, {
  checksum: u64le(0), // CRC-64 of all behind it, the journal's buckets included
  startSector: u64le(8), // 8
  version: u64le(16), // 0 and 3: of a cache, 1 and 4: of a backing device
  magic: bytes(24, 16),
  uuid: uuid(40),
  label: bytes(72, 32),
  blockSectors: u16le(192),
  journalBuckets: u16le(206), // eight bytes each, behind the superblock
});

/** The magic of bcache, and of the first bcachefs. */
export const BCACHE_MAGIC = Buffer.from("c68573f64e1a45ca8265f57f48ba6d81", "hex");
const SUPERBLOCK_BYTE = 4096;
const MAX_JOURNAL_BUCKETS = 256;

/**
 * A cache or a backing device of bcache. Undefined without the magic, or where it is bcachefs's; throws when the checksum
 * is wrong. Reads at most 3 KiB.
 */
export async function probeBcache(source: Source): Promise<Content | undefined> {
  const raw = await readInside(source, SUPERBLOCK_BYTE, bcacheSuperblock.sizeBytes);
  if (raw === undefined) return undefined;
  const { blockSectors, checksum, journalBuckets, label, magic, startSector, uuid, version } = bcacheSuperblock.decode(raw);
  if (!magic.equals(BCACHE_MAGIC) || startSector !== BigInt(SUPERBLOCK_BYTE / 512)) return undefined;
  if (journalBuckets > MAX_JOURNAL_BUCKETS) throw failure(source, `its journal has ${journalBuckets} buckets`);
  const whole = await readInside(source, SUPERBLOCK_BYTE, bcacheSuperblock.sizeBytes + journalBuckets * 8);
  const sum = whole && crc64(whole.subarray(8));
  if (sum !== checksum) throw failure(source, `the superblock's CRC is ${sum?.toString(16)}, the superblock says ${checksum.toString(16)}`);
  return { type: "bcache", version: version.toString(), ...identity(uuid, labelText(label)), blockSizeBytes: blockSectors * 512 };
}

function failure(source: Source, found: string): MkinitrdError {
  return new MkinitrdError({ tried: "reading the bcache superblock", on: `${source.name} at byte ${SUPERBLOCK_BYTE}`, found, next: "look at it from a running system: bcache-super-show" });
}
