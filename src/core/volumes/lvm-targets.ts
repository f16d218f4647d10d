import type { Source } from "../binary/source.ts";
import type { Device } from "../dm/device.ts";
import { openTable } from "../dm/table.ts";
import type { Target } from "../dm/table.ts";
import type { LogicalVolumeEntry, StripedSegment, VolumeGroupMetadata } from "../formats/lvm2-metadata.ts";

/** How an LV is mapped and read. */
export interface LvPlan {
  /** Its own table. */
  targets: Target[];
  /** The tables of the devices that it lies on, lower ones first, and its own; absent where it lies on PVs only. */
  tables?: LvTable[];
  /** Its bytes. Throws when a device is too short, or too many are missing. */
  open(): Source;
}

/** An LV that has no plan. */
export interface Unplanned {
  /** Its kind is one that can't be read, whatever disks are there. */
  refused?: string;
  /** Its bytes as far as they are there: a read of what lies on a missing PV throws, and names it. */
  openPartial?(): Source;
  /** Where its own segments lie on a missing PV, from its start on. */
  missingRanges?: ByteRange[];
}

/** Bytes of a volume, from its start on. */
export interface ByteRange {
  startBytes: number;
  lengthBytes: number;
}

/** A device-mapper device, by the name that LVM gives it. */
export interface LvTable {
  name: string;
  targets: Target[];
}

/**
 * Gives the plan of any LV of a group, over the devices of its PVs by their names in the metadata. Undefined when it can't be
 * mapped or read.
 */
export type Planner = (metadata: VolumeGroupMetadata, devices: Map<string, Device>) => (entry: LogicalVolumeEntry) => LvPlan | Unplanned | undefined;

/**
 * Plans LVs of linear and striped segments on PVs: what the early boot reads without activation. Undefined for all others, when
 * a device is not there, and when an LV's bytes are not what its own segments say: it is the store of a snapshot, or a snapshot
 * is being merged into it.
 */
export const targetPlanner: Planner = (metadata, devices) => {
  const covered = partsOfSnapshots(metadata);
  const planStriped = stripedPlanner(metadata, (name) => devices.get(name));
  return ({ name, segments }) => {
    if (covered.has(name)) return undefined;
    const targets: Target[] = [];
    for (const segment of segments) {
      const target = segment.type === "striped" ? planStriped(segment) : undefined;
      if (target === undefined) return undefined;
      targets.push(target);
    }
    return { targets, open: () => openTable(`${metadata.name}/${name}`, targets) };
  };
};

/** Plans a linear or striped segment over what `find` gives for the names in it. */
export function stripedPlanner(metadata: VolumeGroupMetadata, find: (name: string) => Device | undefined): (segment: StripedSegment) => Target | undefined {
  const { extentSectors } = metadata;
  const pvs = new Map(metadata.physicalVolumes.map((pv) => [pv.name, pv]));
  return (segment) => {
    const stripeExtents = segment.extentCount / segment.stripeCount;
    const legs: { device: Device; deviceSector: number }[] = [];
    for (const { pv, startExtent } of segment.stripes) {
      const entry = pvs.get(pv); // absent where the stripe lies on another LV
      const device = find(pv);
      if (device === undefined || (entry !== undefined && startExtent + stripeExtents > entry.peCount)) return undefined;
      legs.push({ device, deviceSector: (entry?.peStartSector ?? 0) + startExtent * extentSectors });
    }
    const startSector = segment.startExtent * extentSectors;
    const lengthSectors = segment.extentCount * extentSectors;
    const [first] = legs;
    if (legs.length === 1 && first !== undefined) return { type: "linear", startSector, lengthSectors, ...first };
    return { type: "striped", startSector, lengthSectors, chunkSectors: segment.stripeSizeSectors, stripes: legs };
  };
}

/** A snapshot LV is visible under its own name, with the segments of its store. */
function partsOfSnapshots(metadata: VolumeGroupMetadata): Set<unknown> {
  const parts = new Set<unknown>();
  for (const segment of metadata.logicalVolumes.flatMap(({ segments }) => segments)) {
    if (segment.type !== "other" || segment.segmentType !== "snapshot") continue;
    const { cow_store: store, merging_store: merging, origin } = segment.values;
    parts.add(store).add(merging);
    if (merging !== undefined) parts.add(origin);
  }
  return parts;
}
