import type { OtherSegment, VolumeGroupMetadata } from "../formats/lvm2-metadata.ts";
import { activationPlanner, typeOf } from "./lvm-parts.ts";

const KNOWN = /^(?:striped|linear|error|zero|mirror|snapshot|thin|thin-pool|cache|cache-pool|writecache|raid(?:0(?:_meta)?|1|4|5|6|10)(?:_\w+)?)$/;
/** Why the kinds that can't be read can't; lvmvdo(7), lvmraid(7). */
const KINDS: Record<string, string> = {
  "vdo": "it is a VDO volume, compressed and deduplicated",
  "vdo-pool": "it is a VDO pool, compressed and deduplicated",
  "integrity": "it has dm-integrity below a RAID, whose journal may be newer than the data",
};

/**
 * Gives why an LV can't be read in user space, whatever disks are there: the kind of its segments or of those that it lies on, or that it is
 * being reshaped. Undefined where nothing stands in the way.
 */
export function refusals(metadata: VolumeGroupMetadata): (lv: string) => string | undefined {
  const entries = new Map(metadata.logicalVolumes.map((entry) => [entry.name, entry]));
  const activated = activationPlanner(metadata);
  return (lv) => {
    for (const name of activated(lv).reverse()) {
      const entry = entries.get(name);
      const whose = name === lv ? "" : ` (${name})`;
      for (const segment of entry?.segments ?? []) {
        if (segment.type !== "other") continue;
        const type = typeOf(segment.segmentType);
        if (!KNOWN.test(type)) return `${KINDS[type] ?? `its segment type ${type} is not known`}${whose}`;
        if (isReshaped(segment) || entry!.status.includes("RESHAPE")) return `it is being reshaped: what lies where depends on how far that got${whose}`;
      }
    }
    return undefined;
  };
}

/** Whether an array's shape is being changed; lvm2 lib/raid/raid.c, _raid_text_export_raid. */
export function isReshaped({ values }: OtherSegment): boolean {
  return ["reshape_count", "data_offset", "delta_disks"].some((key) => values[key] !== undefined);
}
