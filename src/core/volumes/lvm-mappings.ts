import type { VolumeGroupMetadata } from "../formats/lvm2-metadata.ts";
import { mapperName } from "./lvm-names.ts";
import { activationPlanner, snapshotOrigins, typeOf } from "./lvm-parts.ts";

/** What a name of LVM may consist of; lvm(8), "VALID NAMES". */
const NAME = /^[A-Za-z0-9_+.-]+$/;

/**
 * Gives the device-mapper names that activating an LV may make, in the order in which they are made. LVM puts layers of its
 * own under an origin (`-real`), a snapshot (`-cow`) and the volumes of a thin pool (`-tpool`); lvm2 lib/activate/dev_manager.c.
 */
export function mappingPlanner(metadata: VolumeGroupMetadata): (lv: string) => string[] {
  const activated = activationPlanner(metadata);
  const snapshots = snapshotOrigins(metadata.logicalVolumes);
  const origins = new Set([...snapshots.values()].flat());
  const pools = new Set(metadata.logicalVolumes.filter(({ segments }) => segments.some(isThinPool)).map(({ name }) => name));
  return (lv) =>
    activated(lv).filter((name) => NAME.test(metadata.name) && NAME.test(name)).flatMap((name) => {
      const own = mapperName(metadata.name, name);
      const layers = [origins.has(name) ? "real" : "", snapshots.has(name) ? "cow" : "", pools.has(name) ? "tpool" : ""];
      return [...layers.filter((layer) => layer !== "").map((layer) => `${own}-${layer}`), own];
    });
}

const isThinPool = (segment: VolumeGroupMetadata["logicalVolumes"][number]["segments"][number]) =>
  segment.type === "other" && typeOf(segment.segmentType) === "thin-pool";
