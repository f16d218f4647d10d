import type { Source } from "../binary/source.ts";
import { ascii, bytes, struct, toNumber, u16le, u32le, u64le, u8 } from "../binary/struct.ts";
import { MkinitrdError } from "../errors.ts";
import { readInside } from "./superblock.ts";

/** Superblock of dm-integrity, at byte 0. Linux drivers/md/dm-integrity.c, struct superblock. */
export const integritySuperblock = struct("dm-integrity superblock", 64, {
  magic: ascii(0, 8), // "integrt" and a zero byte
  version: u8(8),
  interleaveLog: u8(9), // sectors of data between tags: 1 << this; 0: none
  tagBytes: u16le(10),
  journalSections: u32le(12), // with the flag for a bitmap: log2 of the sectors of a bit
  dataSectors: u64le(16),
  flags: u32le(24),
  blockLog: u8(28), // sectors of a block: 1 << this
  bitmapLog: u8(29), // blocks of a bit: 1 << this
  recalculatedSectors: u64le(32),
  salt: bytes(48, 16),
});

/** What a dm-integrity superblock says. */
export interface IntegrityHeader {
  version: number;
  /** Of a block: the checksum or authentication tag. */
  tagBytes: number;
  /** What it offers, in sectors of 512 bytes. */
  dataSectors: number;
  blockBytes: number;
  /** Sectors of data between two areas of tags; 0 when the tags lie elsewhere. */
  interleaveSectors: number;
  journalSections: number;
  flags: { journalMac: boolean; recalculating: boolean; dirtyBitmap: boolean; fixedPadding: boolean; fixedHmac: boolean; inline: boolean };
  /** The first sector that is not yet recalculated. */
  recalculatedSectors: number;
  salt: Buffer;
}

const NEWEST_VERSION = 6;
const LARGEST_BLOCK_LOG = 3; // 4096 bytes
const LARGEST_INTERLEAVE_LOG = 31;

/**
 * The superblock of a dm-integrity device. Undefined without the magic, or with the version 0 of one that was not
 * formatted; throws when a field is none that the kernel takes. Reads 64 bytes.
 */
export async function probeIntegrity(source: Source): Promise<IntegrityHeader | undefined> {
  const raw = await readInside(source, 0, integritySuperblock.sizeBytes);
  if (raw === undefined || raw.toString("latin1", 0, 8) !== "integrt\0") return undefined;
  const { blockLog, dataSectors, flags, interleaveLog, journalSections, recalculatedSectors, salt, tagBytes, version } = integritySuperblock.decode(raw);
  if (version === 0) return undefined;
  const failure = (found: string) => new MkinitrdError({ tried: "reading the dm-integrity superblock", on: `${source.name} at byte 0`, found, next: "check that the disk is whole: integritysetup dump" });
  if (version > NEWEST_VERSION) throw failure(`its version is ${version}; known: 1 to ${NEWEST_VERSION}`);
  if (blockLog > LARGEST_BLOCK_LOG) throw failure(`a block has 1 << ${blockLog} sectors`);
  if (interleaveLog > LARGEST_INTERLEAVE_LOG) throw failure(`its tags lie 1 << ${interleaveLog} sectors apart`);
  const has = (bit: number) => (flags & (1 << bit)) !== 0;
  return {
    version, tagBytes, journalSections, salt,
    dataSectors: toNumber(dataSectors, `the sectors of the dm-integrity on ${source.name}`),
    blockBytes: 512 << blockLog,
    interleaveSectors: interleaveLog === 0 ? 0 : 2 ** interleaveLog,
    flags: { journalMac: has(0), recalculating: has(1), dirtyBitmap: has(2), fixedPadding: has(3), fixedHmac: has(4), inline: has(5) },
    recalculatedSectors: toNumber(recalculatedSectors, `the progress of the dm-integrity on ${source.name}`),
  };
}
