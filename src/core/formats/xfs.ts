import { crc32c } from "../binary/checksums.ts";
import type { Source } from "../binary/source.ts";
import { bytes, struct, toNumber, u16be, u32be, u32le, u64be, u8, uuid } from "../binary/struct.ts";
import type { Decoded } from "../binary/struct.ts";
import { hex32, MkinitrdError } from "../errors.ts";
import type { Content } from "./content.ts";
import { identity, labelText } from "./label.ts";

/** Superblock of allocation group 0, at byte 0. XFS Algorithms & Data Structures, section 13.1. Big-endian. */
const superblock = struct("XFS superblock", 264, {
  magic: bytes(0, 4), // "XFSB"
  blockSizeBytes: u32be(4),
  dataBlocks: u64be(8),
  uuid: uuid(32),
  agBlocks: u32be(84),
  agCount: u32be(88),
  versionNumber: u16be(100), // the low four bits are the version
  sectorSizeBytes: u16be(102),
  inodeSizeBytes: u16be(104),
  label: bytes(108, 12),
  blockLog: u8(120),
  sectorLog: u8(121),
  crc: u32le(224), // CRC-32C of the sector, with these four bytes as zero; version 5. Little-endian, unlike the rest
});

const MAGIC = "XFSB";
const SMALLEST_SECTOR = 512;
const LARGEST_SECTOR = 32768;
const LARGEST_BLOCK = 65536;

/**
 * An XFS filesystem. `blockSizeBytes` is its sector size, as blkid's. Undefined without the magic; throws when the
 * checksum of version 5 is wrong, or sizes contradict each other.
 */
export async function probeXfs(source: Source): Promise<Content | undefined> {
  if (source.sizeBytes < SMALLEST_SECTOR) return undefined;
  const raw = await source.read(0, SMALLEST_SECTOR);
  const decoded = superblock.decode(raw);
  if (decoded.magic.toString("latin1") !== MAGIC) return undefined;
  checkSizes(source, decoded);
  if ((decoded.versionNumber & 0xf) === 5) checkChecksum(source, await source.read(0, decoded.sectorSizeBytes), decoded.crc);
  const size = decoded.dataBlocks * BigInt(decoded.blockSizeBytes);
  return {
    type: "xfs",
    ...identity(decoded.uuid, labelText(decoded.label)),
    blockSizeBytes: decoded.sectorSizeBytes,
    sizeBytes: toNumber(size, `the size of the XFS filesystem on ${source.name}`),
  };
}

/** The part of Linux's xfs_validate_sb_common that a foreign "XFSB" would not pass. */
function checkSizes(source: Source, decoded: Decoded<typeof superblock>): void {
  const { agBlocks, agCount, blockLog, blockSizeBytes, dataBlocks, sectorLog, sectorSizeBytes, versionNumber } = decoded;
  const version = versionNumber & 0xf;
  if (version < 1 || version > 5) throw failure(source, `the version is ${version}, known: 1 to 5`);
  const sectorFits = sectorSizeBytes >= SMALLEST_SECTOR && sectorSizeBytes <= LARGEST_SECTOR && sectorSizeBytes === 2 ** sectorLog;
  if (!sectorFits) throw failure(source, `the sector size is ${sectorSizeBytes} bytes, its logarithm ${sectorLog}`);
  const blockFits = blockSizeBytes >= SMALLEST_SECTOR && blockSizeBytes <= LARGEST_BLOCK && blockSizeBytes === 2 ** blockLog;
  if (!blockFits) throw failure(source, `the block size is ${blockSizeBytes} bytes, its logarithm ${blockLog}`);
  const mostBlocks = BigInt(agCount) * BigInt(agBlocks);
  if (agCount === 0 || dataBlocks === 0n || dataBlocks > mostBlocks) {
    throw failure(source, `${dataBlocks} blocks in ${agCount} groups of ${agBlocks}`);
  }
}

function checkChecksum(source: Source, sector: Buffer, stored: number): void {
  const covered = Buffer.from(sector);
  covered.fill(0, superblock.fields.crc.offset, superblock.fields.crc.offset + superblock.fields.crc.lengthBytes);
  const crc = crc32c(covered);
  if (crc !== stored) throw failure(source, `the superblock's CRC is ${hex32(crc)}, the superblock says ${hex32(stored)}`);
}

function failure(source: Source, found: string): MkinitrdError {
  return new MkinitrdError({
    tried: "reading the XFS superblock",
    on: `${source.name} at byte 0`,
    found,
    next: "check it from a running system: xfs_repair -n",
  });
}
