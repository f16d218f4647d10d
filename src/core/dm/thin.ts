import { SECTOR_BYTES } from "../binary/source.ts";
import type { Source } from "../binary/source.ts";
import { MkinitrdError } from "../errors.ts";
import type { Device, Span } from "./device.ts";
import { mappedSource, once } from "./mapped-source.ts";
import type { TableWords } from "./table-words.ts";
import { readThinMetadata } from "./thin-metadata.ts";

/** dm-thin's pool. Linux Documentation/admin-guide/device-mapper/thin-provisioning.rst. */
export interface ThinPool extends Span {
  metadata: Device;
  data: Device;
  blockSectors: number;
  /** In blocks: the kernel tells when fewer are free. */
  lowWaterMark: number;
  /** As they stand: `skip_block_zeroing`. */
  features: string[];
}

/** A volume of a pool. */
export interface Thin extends Span {
  /** A device that is the pool: one with `pool`. */
  pool: Device;
  deviceId: number;
  /** What is read where the volume has no block of its own; zeros where there is none. */
  origin?: Device;
}

/** The target's line of a table, as `dmsetup create` takes it. */
export function thinPoolLine({ blockSectors, data, features, lengthSectors, lowWaterMark, metadata, startSector }: ThinPool): string {
  return `${startSector} ${lengthSectors} thin-pool ${metadata.path} ${data.path} ${[blockSectors, lowWaterMark, features.length, ...features].join(" ")}`;
}

/** Reads what stands behind `thin-pool`. */
export function parseThinPool(span: Span, words: TableWords): ThinPool {
  return {
    ...span,
    metadata: words.device("the metadata device"),
    data: words.device("the data device"),
    blockSectors: words.number("the size of a block", 1),
    lowWaterMark: words.number("the low water mark"),
    features: words.options("features"),
  };
}

/** The target's line of a table, as `dmsetup create` takes it. */
export function thinLine({ deviceId, lengthSectors, origin, pool, startSector }: Thin): string {
  return `${startSector} ${lengthSectors} thin ${pool.path} ${deviceId}${origin === undefined ? "" : ` ${origin.path}`}`;
}

/** Reads what stands behind `thin`. */
export function parseThin(span: Span, words: TableWords): Thin {
  const pool = words.device("the pool");
  const deviceId = words.number("the device id");
  return { ...span, pool, deviceId, ...(words.isEmpty ? {} : { origin: words.device("the origin") }) };
}

/**
 * The bytes of a thin volume. Throws when its pool is none; at the first read, when the metadata is damaged or has no such
 * volume. The pool's own bytes are those of its data device.
 */
export function openThin({ deviceId, lengthSectors, origin, pool: { path, pool } }: Thin): Source {
  const tried = `opening the thin volume ${deviceId}`;
  if (pool === undefined) throw new MkinitrdError({ tried, on: path, found: "that is no pool: there is no metadata of it at hand" });
  const load = once(async () => {
    const metadata = await readThinMetadata(pool.metadata.source);
    if (metadata.dataBlockSectors !== pool.blockSectors) {
      throw new MkinitrdError({ tried, on: path, found: `its blocks have ${metadata.dataBlockSectors} sectors, its table says ${pool.blockSectors}` });
    }
    const tree = await metadata.findDevice(deviceId);
    if (tree === undefined) throw new MkinitrdError({ tried, on: path, found: "the pool has no volume of that id" });
    return { metadata, tree };
  });
  const blockBytes = pool.blockSectors * SECTOR_BYTES;
  const sizeBytes = lengthSectors * SECTOR_BYTES;
  return mappedSource(pool.data.source.name, sizeBytes, async (offsetBytes, mostBytes) => {
    const { metadata, tree } = await load();
    const within = offsetBytes % blockBytes;
    const most = Math.ceil((within + mostBytes) / blockBytes);
    const { blocks, dataBlock } = await metadata.findRun(tree, Math.floor(offsetBytes / blockBytes), most);
    const lengthBytes = Math.min(blocks * blockBytes - within, mostBytes);
    if (dataBlock !== undefined) return { lengthBytes, source: pool.data.source, atBytes: dataBlock * blockBytes + within };
    // The volume may have grown beyond the origin; there are zeros.
    const ofOrigin = origin === undefined ? 0 : Math.min(lengthBytes, origin.source.sizeBytes - offsetBytes);
    return origin === undefined || ofOrigin <= 0 ? { lengthBytes } : { lengthBytes: ofOrigin, source: origin.source, atBytes: offsetBytes };
  });
}
