import type { Source } from "../binary/source.ts";
import { struct, u32le, u64le } from "../binary/struct.ts";
import { findLeaf, metadataBlocks, metadataFailure, METADATA_BLOCK_BYTES, readNumber } from "./btree.ts";

/** Linux drivers/md/dm-cache-metadata.c, struct cache_disk_superblock; in block 0. */
const superblock = struct("superblock of a cache", 292, {
  checksum: u32le(0),
  magic: u64le(32),
  version: u32le(40),
  mappingRoot: u64le(192), // an array: by block of the cache, the origin's block and flags
  dataBlockSectors: u32le(232),
  metadataBlockSectors: u32le(236),
  cacheBlocks: u32le(240),
  incompatibleFlags: u32le(252),
});
const SUPERBLOCK_XOR = 9031977;
const MAGIC = 0o6142003n;
const VERSIONS = [1, 2]; // 2 keeps the dirty flags elsewhere

/** drivers/md/persistent-data/dm-array.c, struct array_block. The values follow. */
const arrayBlock = struct("array block", 24, {
  checksum: u32le(0),
  maxEntries: u32le(4),
  entries: u32le(8),
  valueBytes: u32le(12),
  blockNumber: u64le(16),
});
const ARRAY_XOR = 595846735;
const VALUE_BYTES = 8;
const VALID = 1;
/** A Map holds not much more; of 64 KiB each that is a cache of 512 GiB. */
const MOST_BLOCKS = 8 * 1024 * 1024;

/** Which blocks of the origin are in the cache, and where: by the origin's block, the cache's. */
export interface CacheMapping {
  dataBlockSectors: number;
  blocks: Map<number, number>;
}

/** Reads the metadata of a cache. Throws when it is damaged, or of a kind that isn't known. */
export async function readCacheMapping(source: Source): Promise<CacheMapping> {
  const metadata = metadataBlocks(source);
  const { cacheBlocks, dataBlockSectors, incompatibleFlags, magic, mappingRoot, metadataBlockSectors, version } = superblock.decode(await metadata.read(0, SUPERBLOCK_XOR, "superblock"));
  if (magic !== MAGIC) throw metadataFailure(source, `the magic of the cache is ${magic}, not ${MAGIC}`);
  if (!VERSIONS.includes(version) || incompatibleFlags !== 0) throw metadataFailure(source, `the cache has version ${version} and incompatible features ${incompatibleFlags}; known: ${VERSIONS.join(", ")} and 0`);
  if (metadataBlockSectors * 512 !== METADATA_BLOCK_BYTES || dataBlockSectors === 0) throw metadataFailure(source, `blocks of ${metadataBlockSectors} sectors of metadata, ${dataBlockSectors} of data`);
  if (cacheBlocks > MOST_BLOCKS) throw metadataFailure(source, `the cache has ${cacheBlocks} blocks; at most ${MOST_BLOCKS} can be read here`);
  const perBlock = Math.floor((METADATA_BLOCK_BYTES - arrayBlock.sizeBytes) / VALUE_BYTES);
  const blocks = new Map<number, number>();
  for (let first = 0; first < cacheBlocks; first += perBlock) {
    const leaf = await findLeaf(metadata, Number(mappingRoot), first / perBlock, 8);
    if (leaf.index === leaf.entries || leaf.key(leaf.index) !== first / perBlock) throw metadataFailure(source, `the array of mappings has no block ${first / perBlock}`);
    const block = readNumber(leaf.bytes, leaf.valueAt(leaf.index));
    const bytes = await metadata.read(block, ARRAY_XOR, "array block");
    const { blockNumber, entries, maxEntries, valueBytes } = arrayBlock.decode(bytes);
    const expected = Math.min(perBlock, cacheBlocks - first);
    if (blockNumber !== BigInt(block) || entries !== expected || maxEntries !== perBlock || valueBytes !== VALUE_BYTES) {
      throw metadataFailure(source, `the array block ${block} says that it is block ${blockNumber}, with ${entries} of ${maxEntries} entries of ${valueBytes} bytes, not ${expected}`);
    }
    for (let index = 0; index < entries; index++) {
      const at = arrayBlock.sizeBytes + VALUE_BYTES * index;
      // The lower 16 bits are flags.
      if ((bytes.readUInt8(at) & VALID) !== 0) blocks.set(bytes.readUInt32LE(at + 4) * 2 ** 16 + bytes.readUInt16LE(at + 2), first + index);
    }
  }
  return { dataBlockSectors, blocks };
}
