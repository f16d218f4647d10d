import { createHash } from "node:crypto";
import { window } from "../binary/source.ts";
import { MkinitrdError } from "../errors.ts";
import { BlockCache } from "./block-cache.ts";
import type { Verity } from "./verity.ts";

/** Hash blocks that were verified are kept up to here: the tree of 1 GiB with sha256. */
const CACHE_BYTES = 8 * 1024 * 1024;

/** The hash tree of a verity target. Level 0 has the digests of data blocks, each next one those of the level below. */
export interface HashTree {
  /** The digest of the bytes of a block. */
  digest(bytes: Buffer): Buffer;
  /** What the digest of a data block must be; throws when a hash block on the way to it is not what it must be. */
  digestOf(block: number): Promise<Buffer>;
}

/**
 * The root digest that a tree gives, whatever that of `target` is: of its top block, or of the only data block. It tells trees from each
 * other, and proves nothing. The algorithm's name is the same in OpenSSL.
 */
export async function readRootDigest(target: Verity): Promise<Buffer> {
  const { firstBlocks, digestBytes } = shape(target, target.algorithm);
  const tree = hashTree({ ...target, rootDigest: Buffer.alloc(digestBytes) }, target.algorithm);
  const top = firstBlocks.at(-1);
  const { dataBlockBytes, dataDevice, hashBlockBytes, hashDevice } = target;
  return tree.digest(top === undefined ? await dataDevice.source.read(0, dataBlockBytes) : await hashDevice.source.read(top * hashBlockBytes, hashBlockBytes));
}

/** The digest of a data block of zeros. */
export function zeroDigest(tree: HashTree, dataBlockBytes: number): Buffer {
  return tree.digest(Buffer.alloc(dataBlockBytes));
}

/** Lays the tree out; Linux drivers/md/dm-verity-target.c, verity_ctr and verity_hash_at_level. `hash` is OpenSSL's name. */
export function hashTree(target: Verity, hash: string): HashTree {
  const { hashBlockBytes, hashDevice, hashType, rootDigest, salt } = target;
  const { digestBytes, endBlock, firstBlocks, perBlock } = shape(target, hash);
  if (rootDigest.length !== digestBytes) throw failure(target, `the root digest has ${rootDigest.length} bytes, ${hash} gives ${digestBytes}`);
  const strideBytes = hashType === 0 ? digestBytes : hashBlockBytes / perBlock;
  const hashes = window(hashDevice.source, 0, endBlock * hashBlockBytes);
  const cache = new BlockCache(CACHE_BYTES);
  const salted = createHash(hash).update(hashType === 0 ? "" : salt);
  return { digest, digestOf: (block) => entry(0, block) };

  function digest(bytes: Buffer): Buffer {
    const state = salted.copy().update(bytes);
    return (hashType === 0 ? state.update(salt) : state).digest();
  }

  /** The digest at a place of a level: of what lies there in the level below. */
  async function entry(level: number, position: number): Promise<Buffer> {
    if (level === firstBlocks.length) return rootDigest;
    const index = Math.floor(position / perBlock);
    const block = (firstBlocks[level] ?? 0) + index;
    const bytes = await cache.get(block, async () => {
      const found = await hashes.read(block * hashBlockBytes, hashBlockBytes);
      if (digest(found).equals(await entry(level + 1, index))) return found;
      throw damage(target, block * hashBlockBytes, level);
    });
    const at = (position % perBlock) * strideBytes;
    return bytes.subarray(at, at + digestBytes);
  }
}

/** How many digests fit into a block, and where the levels lie. */
function shape(target: Verity, hash: string): { digestBytes: number; perBlock: number; firstBlocks: number[]; endBlock: number } {
  const { dataBlocks, hashBlockBytes, hashStartBlock } = target;
  const digestBytes = createHash(hash).digest().length;
  const perBlock = 2 ** Math.floor(Math.log2(hashBlockBytes / digestBytes));
  if (perBlock < 2) throw failure(target, `hash blocks of ${hashBlockBytes} bytes hold no two digests of ${digestBytes}`);
  return { digestBytes, perBlock, ...layout(dataBlocks, hashStartBlock, perBlock) };
}

/** The first block of each level, from level 0 on, and where the tree ends. The top level comes first on the device. */
function layout(dataBlocks: number, startBlock: number, perBlock: number): { firstBlocks: number[]; endBlock: number } {
  const counts: number[] = [];
  for (let left = dataBlocks; left > 1; counts.push(left)) left = Math.ceil(left / perBlock);
  const firstBlocks: number[] = [];
  let endBlock = startBlock;
  for (const count of counts.reverse()) {
    firstBlocks.unshift(endBlock);
    endBlock += count;
  }
  return { firstBlocks, endBlock };
}

function damage({ hashDevice }: Verity, at: number, level: number): MkinitrdError {
  return new MkinitrdError({
    tried: "verifying",
    on: hashDevice.source.name,
    found: `the hash block at byte ${at}, on level ${level}, is not what ${level === 0 ? "the level above" : "the level above or the root digest"} says`,
    next: "check the root hash; the hash device was changed or is damaged: take it from where it was made",
  });
}

function failure({ hashDevice }: Verity, found: string): MkinitrdError {
  return new MkinitrdError({ tried: "opening a verity target", on: hashDevice.source.name, found });
}
