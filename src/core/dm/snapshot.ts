import { checkRange, SECTOR_BYTES } from "../binary/source.ts";
import type { Source } from "../binary/source.ts";
import { MkinitrdError } from "../errors.ts";
import { quote } from "../quote.ts";
import type { Device, Span } from "./device.ts";
import { mappedSource, once } from "./mapped-source.ts";
import { readExceptions } from "./snapshot-store.ts";
import type { TableWords } from "./table-words.ts";

/**
 * dm-snapshot: an origin, and a store of the chunks that differ from it: of `snapshot` what it was, or what was written to
 * the snapshot since; of `snapshot-merge` what is still to be written to the origin.
 * Linux Documentation/admin-guide/device-mapper/snapshot.rst.
 */
export interface Snapshot extends Span {
  origin: Device;
  store: Device;
  /** `P` or `PO` for a store that stays, `N` for one that ends with the mapping. */
  persistence: string;
  /** What a new store is made with; one that is there says its own. */
  chunkSectors: number;
  /** As they stand: `discard_zeroes_cow`. */
  features: string[];
}

/** dm-snapshot's origin: the device as it is; what is written to it goes to the stores of its snapshots first. */
export interface SnapshotOrigin extends Span {
  device: Device;
}

/** The target's line of a table, as `dmsetup create` takes it. */
export function snapshotLine(target: Snapshot, type: "snapshot" | "snapshot-merge"): string {
  const { chunkSectors, features, lengthSectors, origin, persistence, startSector, store } = target;
  const optional = features.length === 0 ? "" : ` ${features.length} ${features.join(" ")}`;
  return `${startSector} ${lengthSectors} ${type} ${origin.path} ${store.path} ${persistence} ${chunkSectors}${optional}`;
}

/** Reads what stands behind `snapshot` or `snapshot-merge`. */
export function parseSnapshot(span: Span, words: TableWords): Snapshot {
  return {
    ...span,
    origin: words.device("the origin"),
    store: words.device("the store"),
    persistence: words.word("whether the store is persistent"),
    chunkSectors: words.number("the chunk"),
    features: words.options("features"),
  };
}

/** The bytes of the snapshot. Throws when the store is none that stays; at the first read, when it is damaged or invalid. */
export function openSnapshot({ lengthSectors, origin, persistence, store }: Snapshot): Source {
  if (persistence !== "P" && persistence !== "PO") {
    throw new MkinitrdError({ tried: "opening a snapshot", on: store.source.name, found: `its store is ${quote(persistence)}, which only the kernel that wrote it can read` });
  }
  const sizeBytes = lengthSectors * SECTOR_BYTES;
  checkRange(origin.source, 0, sizeBytes);
  const load = once(() => readExceptions(store.source));
  return mappedSource(origin.source.name, sizeBytes, async (offsetBytes, mostBytes) => {
    const { chunkBytes, exceptions } = await load();
    const first = Math.floor(offsetBytes / chunkBytes);
    const within = offsetBytes % chunkBytes;
    const place = exceptions.get(first);
    let chunks = 1;
    const follows = (): boolean => exceptions.get(first + chunks) === (place === undefined ? undefined : place + chunks);
    while (chunks * chunkBytes - within < mostBytes && follows()) chunks++;
    const lengthBytes = Math.min(chunks * chunkBytes - within, mostBytes);
    return place === undefined ? { lengthBytes, source: origin.source, atBytes: offsetBytes } : { lengthBytes, source: store.source, atBytes: place * chunkBytes + within };
  });
}

/** The target's line of a table, as `dmsetup create` takes it. */
export function snapshotOriginLine({ device, lengthSectors, startSector }: SnapshotOrigin): string {
  return `${startSector} ${lengthSectors} snapshot-origin ${device.path}`;
}

/** Reads what stands behind `snapshot-origin`. */
export function parseSnapshotOrigin(span: Span, words: TableWords): SnapshotOrigin {
  return { ...span, device: words.device("the device") };
}
