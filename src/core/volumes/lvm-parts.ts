import type { LogicalVolumeEntry, Segment, VolumeGroupMetadata } from "../formats/lvm2-metadata.ts";

/** What a set of parts withstands: of `legs`, of which each needs all of its names, `tolerates` may be gone. */
export interface Redundancy {
  /** Names of PVs and LVs of the group. */
  legs: string[][];
  tolerates: number;
}

/** LVM's own stacks are four or five deep (LV, cache, origin, RAID, image); a made-up one must not end ours. */
const MAX_DEPTH = 32;
/** No real group takes more to list what its LVs lie on; a made-up one could take minutes. */
const MAX_STEPS = 1_000_000;

/** Gone: not even degraded, or its metadata makes no sense. */
export type Health = "whole" | "degraded" | "gone";

/** What a segment lies on, with the losses that its type withstands; lvm2 lib/raid/raid.c, lib/mirror, lib/metadata/raid_manip.c. */
export function redundancyOf(segment: Segment): Redundancy[] {
  if (segment.type === "striped") return needsAll(segment.stripes.map(({ pv }) => pv));
  const { values } = segment;
  const segmentType = typeOf(segment.segmentType);
  // Pairs of a leg's metadata and its data: ["lv_rmeta_0", "lv_rimage_0", …]
  const pairs = inGroups(strings(values["raids"]), 2);
  if (segmentType === "raid1") return [{ legs: pairs, tolerates: pairs.length - 1 }];
  // Each pair of neighbours holds two copies of the same data.
  if (/^raid10/.test(segmentType)) return inGroups(pairs, 2).map((legs) => ({ legs, tolerates: legs.length - 1 }));
  if (/^raid6/.test(segmentType)) return [{ legs: pairs, tolerates: 2 }];
  if (/^raid[45]/.test(segmentType)) return [{ legs: pairs, tolerates: 1 }];
  // What repair has put in the place of a lost leg.
  if (segmentType === "error") return [{ legs: [], tolerates: -1 }];
  // thin, cache, snapshot, and mirror, which LVM activates with a leg missing only as "partial": every name, whatever its key.
  const { type: _, ...rest } = values;
  return needsAll(Object.values(rest).flatMap(strings));
}

/**
 * Gives how an LV of the group fares without the PVs that are missing, by their names in the metadata: `degraded` when
 * every loss is one that the type of the segment on it withstands.
 */
export function healthChecker({ logicalVolumes }: VolumeGroupMetadata, missingPvs: Set<string>): (lv: string) => Health {
  const entries = new Map(logicalVolumes.map((entry) => [entry.name, entry]));
  const origins = snapshotOrigins(logicalVolumes);
  const known = new Map<string, Health>();
  return (lv) => healthOf(lv, 0);

  function healthOf(name: string, depth: number): Health {
    if (missingPvs.has(name)) return "gone";
    const entry = entries.get(name);
    if (entry === undefined) return "whole"; // a PV that is there, or a word that is no name at all
    if (depth > MAX_DEPTH) return "gone";
    const before = known.get(name);
    if (before !== undefined) return before;
    known.set(name, "gone"); // while it is looked into: what lies on itself has no data
    const sets = [...entry.segments.flatMap(redundancyOf), ...needsAll(origins.get(name) ?? [])];
    const health = worst(sets.map((set) => healthOfSet(set, depth)));
    known.set(name, health);
    return health;
  }

  function healthOfSet({ legs, tolerates }: Redundancy, depth: number): Health {
    const healths = legs.map((leg) => worst(leg.map((name) => healthOf(name, depth + 1))));
    const gone = healths.filter((health) => health === "gone").length;
    if (gone > tolerates) return "gone";
    return gone > 0 || healths.includes("degraded") ? "degraded" : "whole";
  }
}

/**
 * Gives the LVs that get a device when one is activated, itself among them, lower ones first: its parts, the origin of a
 * snapshot, and the snapshots of an origin.
 */
export function activationPlanner({ logicalVolumes }: VolumeGroupMetadata): (lv: string) => string[] {
  const entries = new Map(logicalVolumes.map((entry) => [entry.name, entry]));
  const origins = snapshotOrigins(logicalVolumes);
  const snapshots = new Map<string, string[]>();
  for (const [snapshot, its] of origins) for (const origin of its) snapshots.set(origin, [...(snapshots.get(origin) ?? []), snapshot]);
  let steps = 0;
  return (lv) => {
    const reached = new Set([lv]);
    for (const name of reached) { // a set may grow while it is walked
      const below = entries.get(name)?.segments.flatMap(redundancyOf).flatMap(({ legs }) => legs.flat()) ?? [];
      for (const other of [...below, ...(origins.get(name) ?? []), ...(snapshots.get(name) ?? [])]) {
        if (steps++ < MAX_STEPS && entries.has(other)) reached.add(other);
      }
    }
    return [...reached].reverse();
  };
}

/** By the LV that is a snapshot, under whose name its store is listed, the LVs that it is a snapshot of. */
export function snapshotOrigins(entries: LogicalVolumeEntry[]): Map<string, string[]> {
  const origins = new Map<string, string[]>();
  for (const segment of entries.flatMap(({ segments }) => segments)) {
    if (segment.type !== "other" || typeOf(segment.segmentType) !== "snapshot") continue;
    const { cow_store: store, merging_store: merging, origin } = segment.values;
    const snapshot = store ?? merging;
    if (typeof snapshot !== "string" || typeof origin !== "string") continue;
    origins.set(snapshot, [...(origins.get(snapshot) ?? []), origin]);
  }
  return origins;
}

/** By LV, the one that it is a snapshot of, thin or not. */
export function snapshotSources(entries: LogicalVolumeEntry[]): Map<string, string> {
  const sources = new Map<string, string>();
  for (const [snapshot, [origin]] of snapshotOrigins(entries)) if (origin !== undefined) sources.set(snapshot, origin);
  for (const { name, segments } of entries) {
    const origin = segments.map((segment) => (segment.type === "other" && typeOf(segment.segmentType) === "thin" ? segment.values["origin"] : undefined)).find((value) => typeof value === "string");
    if (typeof origin === "string") sources.set(name, origin);
  }
  return sources;
}

/** Whether an LV holds others, and nothing for a person: the pool of thin volumes, a cache that is in front of none. */
export function isPool({ segments }: LogicalVolumeEntry): boolean {
  return segments.some((segment) => segment.type === "other" && ["thin-pool", "cache-pool"].includes(typeOf(segment.segmentType)));
}

/** A segment's type without the flags that a newer LVM puts behind it: `cache-pool+METADATA_FORMAT`. */
export function typeOf(segmentType: string): string {
  return segmentType.split("+", 1)[0] ?? "";
}

/**
 * Gives which LVs a person sees under their names. Of a snapshot the metadata calls an entry visible that only joins origin
 * and store (`snapshot0`); what has the snapshot's name, and its bytes once it is active, is the store.
 */
export function visibility({ logicalVolumes }: VolumeGroupMetadata): (entry: LogicalVolumeEntry) => boolean {
  const joins = logicalVolumes.flatMap(({ name, segments }) => segments.flatMap((segment) =>
    segment.type === "other" && typeOf(segment.segmentType) === "snapshot" ? [{ name, store: segment.values["cow_store"] }] : []));
  const stores = new Set<unknown>(joins.map(({ store }) => store));
  const names = new Set(joins.map(({ name }) => name));
  return ({ name, status }) => stores.has(name) || (status.includes("VISIBLE") && !names.has(name));
}

function needsAll(names: string[]): Redundancy[] {
  return names.map((name) => ({ legs: [[name]], tolerates: 0 }));
}

function worst(healths: Health[]): Health {
  return healths.includes("gone") ? "gone" : healths.includes("degraded") ? "degraded" : "whole";
}

function strings(value: unknown): string[] {
  return [value].flat().filter((each) => typeof each === "string");
}

function inGroups<T>(list: T[], count: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / count) }, (_, index) => list.slice(index * count, (index + 1) * count));
}
