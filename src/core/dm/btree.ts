import { crc32cRaw } from "../binary/checksums.ts";
import type { Source } from "../binary/source.ts";
import { struct, u32le, u64le } from "../binary/struct.ts";
import { hex32, MkinitrdError } from "../errors.ts";
import { BlockCache } from "./block-cache.ts";

/** The metadata of dm-thin and dm-cache is made of blocks of this size. */
export const METADATA_BLOCK_BYTES = 4096;
const CACHE_BYTES = 8 * 1024 * 1024;

/** Linux drivers/md/persistent-data/dm-btree-internal.h, struct node_header. Keys of 64 bits follow, then the values. */
const nodeHeader = struct("B-tree node", 32, {
  checksum: u32le(0),
  flags: u32le(4), // 1 is an internal node, 2 a leaf
  blockNumber: u64le(8), // its own
  entries: u32le(16),
  maxEntries: u32le(20), // where the values begin
  valueBytes: u32le(24),
});
const NODE_XOR = 121107;
const INTERNAL = 1;
const LEAF = 2;
/** Each level has many children; a tree of all that 64 bits can address has no more. */
const MOST_LEVELS = 16;

/** A leaf, or what of it is asked for: from `index` on its keys are above or equal to the one that was looked for. */
export interface Leaf {
  index: number;
  entries: number;
  key(index: number): number;
  /** Where the value is in `bytes`. */
  valueAt(index: number): number;
  bytes: Buffer;
  /** The first key that may be in another leaf; Infinity in the last leaf. */
  endKey: number;
}

/** Metadata in blocks, each verified when it is read and kept for a while. */
export interface MetadataBlocks {
  source: Source;
  /** A block with its checksum, of everything behind it, right; `xor` is that of its kind. */
  read(block: number, xor: number, what: string): Promise<Buffer>;
}

/** Opens metadata for reading. */
export function metadataBlocks(source: Source): MetadataBlocks {
  const cache = new BlockCache(CACHE_BYTES);
  return {
    source,
    read: (block, xor, what) => cache.get(`${block} ${xor}`, async () => {
      const bytes = await source.read(block * METADATA_BLOCK_BYTES, METADATA_BLOCK_BYTES);
      const sum = (crc32cRaw(0xffffffff, bytes.subarray(4)) ^ xor) >>> 0;
      if (sum === bytes.readUInt32LE(0)) return bytes;
      throw metadataFailure(source, `the checksum of the ${what} in block ${block} is ${hex32(sum)}, it says ${hex32(bytes.readUInt32LE(0))}`);
    }),
  };
}

/** The leaf of a tree in which a key is, or would be. Throws for a node that makes no sense. */
export async function findLeaf(blocks: MetadataBlocks, root: number, key: number, valueBytes: number): Promise<Leaf> {
  let block = root;
  let endKey = Infinity;
  for (let level = 0; level < MOST_LEVELS; level++) {
    const bytes = await blocks.read(block, NODE_XOR, "B-tree node");
    const node = nodeHeader.decode(bytes);
    const isLeaf = (node.flags & LEAF) !== 0;
    const size = isLeaf ? valueBytes : 8;
    const fits = nodeHeader.sizeBytes + node.maxEntries * (8 + size) <= METADATA_BLOCK_BYTES;
    if (node.blockNumber !== BigInt(block) || node.valueBytes !== size || !fits || node.entries > node.maxEntries || (node.flags & (INTERNAL | LEAF)) === 0 || (node.entries === 0 && !isLeaf)) {
      throw metadataFailure(blocks.source, `the B-tree node in block ${block} says that it is block ${node.blockNumber}, with ${node.entries} of ${node.maxEntries} entries of ${node.valueBytes} bytes, flags ${node.flags}`);
    }
    const keyOf = (index: number): number => readNumber(bytes, nodeHeader.sizeBytes + 8 * index);
    const valueAt = (index: number): number => nodeHeader.sizeBytes + 8 * node.maxEntries + size * index;
    const index = firstAtLeast(node.entries, keyOf, key);
    if (isLeaf) return { index, entries: node.entries, key: keyOf, valueAt, bytes, endKey };
    // The child whose first key is the key or below it; before the first one, the first.
    const child = index < node.entries && keyOf(index) === key ? index : Math.max(0, index - 1);
    if (child + 1 < node.entries) endKey = Math.min(endKey, keyOf(child + 1));
    block = readNumber(bytes, valueAt(child));
  }
  throw metadataFailure(blocks.source, `the B-tree from block ${root} on has more than ${MOST_LEVELS} levels`);
}

function firstAtLeast(count: number, keyOf: (index: number) => number, key: number): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keyOf(middle) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** 64 bits; above 2^53 not exact, and then no block of any device. */
export function readNumber(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at + 4) * 2 ** 32 + bytes.readUInt32LE(at);
}

/** The error for metadata with damage. */
export function metadataFailure(source: Source, found: string): MkinitrdError {
  return new MkinitrdError({ tried: "reading device-mapper metadata", on: source.name, found, next: "check it: thin_check or cache_check" });
}
