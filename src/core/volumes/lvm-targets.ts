import type { Device } from "../dm/device.ts";
import type { Target } from "../dm/table.ts";
import type { LogicalVolumeEntry, StripedSegment, VolumeGroupMetadata } from "../formats/lvm2-metadata.ts";

/**
 * Gives the device-mapper table of any LV of a group, over the devices of its PVs by their names in the metadata.
 * Undefined when the LV has segments of another type than striped, when a device is not there, and when its bytes are
 * not what its own segments say: it is the store of a snapshot, or a snapshot is being merged into it.
 */
export function targetPlanner(
  metadata: VolumeGroupMetadata,
  devices: Map<string, Device>,
): (entry: LogicalVolumeEntry) => Target[] | undefined {
  const covered = partsOfSnapshots(metadata);
  const pvs = new Map(metadata.physicalVolumes.map((pv) => [pv.name, pv]));
  return ({ name, segments }) => {
    if (covered.has(name)) return undefined;
    const targets: Target[] = [];
    for (const segment of segments) {
      const target = segment.type === "striped" ? planSegment(segment) : undefined;
      if (target === undefined) return undefined;
      targets.push(target);
    }
    return targets;
  };

  function planSegment(segment: StripedSegment): Target | undefined {
    const { extentSectors } = metadata;
    const stripeExtents = segment.extentCount / segment.stripeCount;
    const legs: { device: Device; deviceSector: number }[] = [];
    for (const { pv, startExtent } of segment.stripes) {
      const entry = pvs.get(pv);
      const device = devices.get(pv);
      if (entry === undefined || device === undefined || startExtent + stripeExtents > entry.peCount) return undefined;
      legs.push({ device, deviceSector: entry.peStartSector + startExtent * extentSectors });
    }
    const startSector = segment.startExtent * extentSectors;
    const lengthSectors = segment.extentCount * extentSectors;
    const [first] = legs;
    if (legs.length === 1 && first !== undefined) return { type: "linear", startSector, lengthSectors, ...first };
    return { type: "striped", startSector, lengthSectors, chunkSectors: segment.stripeSizeSectors, stripes: legs };
  }
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
