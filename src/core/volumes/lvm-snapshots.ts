import type { VolumeGroupMetadata } from "../formats/lvm2-metadata.ts";
import { typeOf } from "./lvm-parts.ts";

/** Which LVs of a group are snapshots, and of which: none of thin ones, which the pool knows. */
export interface Snapshots {
  /** By the LV that is the store, under whose name the snapshot is seen. */
  ofStore: Map<string, { origin: string; chunkSectors: number }>;
  /** By the LV that a snapshot is being merged into. */
  mergingInto: Map<string, { store: string; chunkSectors: number }>;
  origins: Set<string>;
}

/** Reads the segments that join origin and store; lvm2 lib/snapshot/snapshot.c. */
export function findSnapshots({ logicalVolumes }: VolumeGroupMetadata): Snapshots {
  const found: Snapshots = { ofStore: new Map(), mergingInto: new Map(), origins: new Set() };
  for (const segment of logicalVolumes.flatMap(({ segments }) => segments)) {
    if (segment.type !== "other" || typeOf(segment.segmentType) !== "snapshot") continue;
    const { chunk_size: chunkSectors, cow_store: store, merging_store: merging, origin } = segment.values;
    if (typeof origin !== "string" || typeof chunkSectors !== "number") continue;
    found.origins.add(origin);
    if (typeof store === "string") found.ofStore.set(store, { origin, chunkSectors });
    else if (typeof merging === "string") found.mergingInto.set(origin, { store: merging, chunkSectors });
  }
  return found;
}
