import { checkRange, SECTOR_BYTES } from "../binary/source.ts";
import type { Source } from "../binary/source.ts";
import { MkinitrdError } from "../errors.ts";
import { readCacheMapping } from "./cache-metadata.ts";
import type { Device, Span } from "./device.ts";
import { mappedSource, once } from "./mapped-source.ts";
import type { TableWords } from "./table-words.ts";

/** dm-cache: blocks of a slow device on a fast one. Linux Documentation/admin-guide/device-mapper/cache.rst. */
export interface Cache extends Span {
  metadata: Device;
  fast: Device;
  origin: Device;
  blockSectors: number;
  /** As they stand: `writeback`, `metadata2`. */
  features: string[];
  /** The policy and its arguments, as they stand. */
  policy: string[];
}

/** The target's line of a table, as `dmsetup create` takes it. */
export function cacheLine({ blockSectors, fast, features, lengthSectors, metadata, origin, policy, startSector }: Cache): string {
  const [name = "default", ...args] = policy;
  return `${startSector} ${lengthSectors} cache ${metadata.path} ${fast.path} ${origin.path} ${[blockSectors, features.length, ...features, name, args.length, ...args].join(" ")}`;
}

/** Reads what stands behind `cache`. */
export function parseCache(span: Span, words: TableWords): Cache {
  return {
    ...span,
    metadata: words.device("the metadata device"),
    fast: words.device("the fast device"),
    origin: words.device("the origin"),
    blockSectors: words.number("the size of a block", 1),
    features: words.counted("features"),
    policy: [words.word("the policy"), ...words.counted("arguments of the policy")],
  };
}

/**
 * The bytes of the cached device: a block that is in the cache from there, since it may have been written to nowhere else.
 * Throws, at the first read, when the metadata is damaged.
 */
export function openCache({ blockSectors, fast, features, lengthSectors, metadata, origin }: Cache): Source {
  const blockBytes = blockSectors * SECTOR_BYTES;
  const sizeBytes = lengthSectors * SECTOR_BYTES;
  checkRange(origin.source, 0, sizeBytes);
  const load = once(async () => {
    const { blocks, dataBlockSectors } = await readCacheMapping(metadata.source);
    if (dataBlockSectors === blockSectors) return blocks;
    throw new MkinitrdError({ tried: "opening a cache", on: metadata.source.name, found: `its blocks have ${dataBlockSectors} sectors, its table says ${blockSectors}` });
  });
  return mappedSource(origin.source.name, sizeBytes, async (offsetBytes, mostBytes) => {
    // Then the cache never holds what the origin hasn't, and may be old.
    if (features.includes("passthrough")) return { lengthBytes: mostBytes, source: origin.source, atBytes: offsetBytes };
    const blocks = await load();
    const first = Math.floor(offsetBytes / blockBytes);
    const within = offsetBytes % blockBytes;
    const place = blocks.get(first);
    if (place !== undefined) return { lengthBytes: Math.min(blockBytes - within, mostBytes), source: fast.source, atBytes: place * blockBytes + within };
    let count = 1;
    while (count * blockBytes - within < mostBytes && !blocks.has(first + count)) count++;
    return { lengthBytes: Math.min(count * blockBytes - within, mostBytes), source: origin.source, atBytes: offsetBytes };
  });
}
