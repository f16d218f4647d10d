import type { Source } from "../binary/source.ts";
import { struct, u32le, u64le } from "../binary/struct.ts";
import { findLeaf, metadataBlocks, metadataFailure, METADATA_BLOCK_BYTES, readNumber } from "./btree.ts";
import type { MetadataBlocks } from "./btree.ts";

/** Linux drivers/md/dm-thin-metadata.c, struct thin_disk_superblock; in block 0. */
const superblock = struct("superblock of a thin pool", 364, {
  checksum: u32le(0),
  blockNumber: u64le(8),
  magic: u64le(32),
  version: u32le(40),
  dataMappingRoot: u64le(320), // a tree of trees: device → its block → data block and time
  detailsRoot: u64le(328),
  dataBlockSectors: u32le(336),
  metadataBlockSectors: u32le(340),
  incompatibleFlags: u32le(360),
});
const SUPERBLOCK_XOR = 160774;
const MAGIC = 27022010n;
const VERSIONS = [1, 2];

/** The metadata of a pool. */
export interface ThinMetadata {
  dataBlockSectors: number;
  /** The tree of a thin device; undefined when the pool has none of that id. */
  findDevice(deviceId: number): Promise<number | undefined>;
  /**
   * How many of a device's blocks from `block` on follow each other in the pool, at most `most`, and where; without `dataBlock`
   * that many are not there.
   */
  findRun(tree: number, block: number, most: number): Promise<{ blocks: number; dataBlock?: number }>;
}

/** Reads the superblock of a pool. Throws when it is damaged or of a kind that isn't known. */
export async function readThinMetadata(source: Source): Promise<ThinMetadata> {
  const blocks = metadataBlocks(source);
  const { dataBlockSectors, dataMappingRoot, incompatibleFlags, magic, metadataBlockSectors, version } = superblock.decode(await blocks.read(0, SUPERBLOCK_XOR, "superblock"));
  if (magic !== MAGIC) throw metadataFailure(source, `the magic of the thin pool is ${magic}, not ${MAGIC}`);
  if (!VERSIONS.includes(version) || incompatibleFlags !== 0) throw metadataFailure(source, `the thin pool has version ${version} and incompatible features ${incompatibleFlags}; known: ${VERSIONS.join(", ")} and 0`);
  if (metadataBlockSectors * 512 !== METADATA_BLOCK_BYTES || dataBlockSectors === 0) throw metadataFailure(source, `blocks of ${metadataBlockSectors} sectors of metadata, ${dataBlockSectors} of data`);
  return {
    dataBlockSectors,
    async findDevice(deviceId) {
      const { bytes, entries, index, key, valueAt } = await findLeaf(blocks, Number(dataMappingRoot), deviceId, 8);
      return index < entries && key(index) === deviceId ? readNumber(bytes, valueAt(index)) : undefined;
    },
    findRun: (tree, block, most) => findRun(blocks, tree, block, most),
  };
}

async function findRun(blocks: MetadataBlocks, tree: number, block: number, most: number): Promise<{ blocks: number; dataBlock?: number }> {
  const { bytes, endKey, entries, index, key, valueAt } = await findLeaf(blocks, tree, block, 8);
  if (index === entries || key(index) !== block) {
    const next = index < entries ? key(index) : endKey;
    return { blocks: Math.max(1, Math.min(most, next - block)) };
  }
  const dataBlock = dataBlockOf(bytes, valueAt(index));
  let count = 1;
  while (count < most && index + count < entries && key(index + count) === block + count && dataBlockOf(bytes, valueAt(index + count)) === dataBlock + count) count++;
  return { blocks: count, dataBlock };
}

/** The upper 40 bits of a value; the lower 24 are a time. */
function dataBlockOf(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at + 4) * 256 + bytes.readUInt8(at + 3);
}
