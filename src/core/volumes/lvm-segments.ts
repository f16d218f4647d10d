import type { Device } from "../dm/device.ts";
import type { Raid } from "../dm/raid.ts";
import type { Target } from "../dm/table.ts";
import type { LogicalVolumeEntry, OtherSegment, VolumeGroupMetadata } from "../formats/lvm2-metadata.ts";
import { typeOf } from "./lvm-parts.ts";
import { stripedPlanner } from "./lvm-targets.ts";

/** What segments lie on, by the names that the metadata has. */
export interface Parts {
  /** A PV, or an LV of the group. */
  device(name: string): Device | undefined;
  /** A thin pool. */
  pool(name: string): Device | undefined;
}

/** Names that LVM has kept for what its first version of an array called them. */
const RAID_ALIASES: Record<string, string> = { raid5: "raid5_ls", raid6: "raid6_zr", raid10_near: "raid10" };

/** Gives the table of an LV's own segments. Undefined when one is of a kind that can't be read, or lies on what isn't there. */
export function segmentPlanner(metadata: VolumeGroupMetadata, parts: Parts): (entry: LogicalVolumeEntry) => Target[] | undefined {
  const planStriped = stripedPlanner(metadata, parts.device);
  const entries = new Map(metadata.logicalVolumes.map((entry) => [entry.name, entry]));
  return (entry) => {
    const targets: Target[] = [];
    for (const segment of entry.segments) {
      const span = { startSector: segment.startExtent * metadata.extentSectors, lengthSectors: segment.extentCount * metadata.extentSectors };
      const target = segment.type === "striped" ? planStriped(segment) : planOther(segment, span, entry);
      if (target === undefined) return undefined;
      targets.push(target);
    }
    return targets;
  };

  function planOther({ segmentType, values }: OtherSegment, span: { startSector: number; lengthSectors: number }, entry: LogicalVolumeEntry): Target | undefined {
    const type = typeOf(segmentType);
    if (type === "error" || type === "zero") return { type, ...span };
    if (type === "mirror") return planMirror();
    if (type.startsWith("raid")) return planRaid();
    if (type === "thin-pool") return planPool();
    if (type === "thin") return planThin();
    if (type === "cache") return planCache();
    return undefined;

    function planMirror(): Target | undefined {
      const legs = pairs(values["mirrors"]).map(([name, extent]) => ({ device: parts.device(String(name)), deviceSector: Number(extent) * metadata.extentSectors }));
      const present = legs.filter((leg): leg is { device: Device; deviceSector: number } => leg.device !== undefined);
      const log = values["mirror_log"] === undefined ? undefined : parts.device(String(values["mirror_log"]));
      if (present.length === 0) return undefined;
      const region = String(number("region_size") ?? 0);
      const sync = entry.status.includes("NOTSYNCED") ? ["nosync"] : [];
      return { type: "mirror", ...span, log: log === undefined ? ["core", region, ...sync] : ["disk", log.path, region, ...sync], legs: present, features: ["handle_errors"] };
    }

    /** lvm2 lib/raid/raid.c, _raid_add_target_line; libdm/libdm-deptree.c, _raid_emit_segment_line. */
    function planRaid(): Target | undefined {
      if (["reshape_count", "data_offset", "delta_disks"].some((key) => values[key] !== undefined) || entry.status.includes("RESHAPE")) return undefined;
      const names = type.startsWith("raid0") && values["raid0_lvs"] !== undefined
        ? strings(values["raid0_lvs"]).map((name) => ["", name] as const)
        : pairs(values["raids"]).map(([meta, data]) => [String(meta), String(data)] as const);
      const members: Raid["members"] = names.map(([meta, data]) => {
        const [metadataDevice, dataDevice] = [parts.device(meta), parts.device(data)];
        return { ...(metadataDevice === undefined ? {} : { metadata: metadataDevice }), ...(dataDevice === undefined ? {} : { data: dataDevice }) };
      });
      if (members.length === 0) return undefined;
      const rebuilt = names.flatMap(([, data], role) => (isRebuilt(data) ? ["rebuild", String(role)] : []));
      const region = number("region_size");
      const copies = type.startsWith("raid10") ? number("data_copies") : undefined;
      const parameters = [
        String(type === "raid1" ? 0 : (number("stripe_size") ?? 0)),
        ...(entry.status.includes("NOTSYNCED") ? ["nosync"] : []),
        ...rebuilt,
        ...(region === undefined || type.startsWith("raid0") ? [] : ["region_size", String(region)]),
        ...(copies === undefined || copies < 2 ? [] : ["raid10_copies", String(copies)]),
      ];
      return { type: "raid", ...span, raidType: RAID_ALIASES[type] ?? (type === "raid0_meta" ? "raid0" : type), parameters, members };
    }

    function planPool(): Target | undefined {
      const [metadataDevice, data, blockSectors] = [device("metadata"), device("pool"), number("chunk_size")];
      if (metadataDevice === undefined || data === undefined || blockSectors === undefined || blockSectors === 0) return undefined;
      const features = [
        ...(values["zero_new_blocks"] === 0 || values["zero_new_blocks"] === undefined ? ["skip_block_zeroing"] : []),
        ...(values["discards"] === "ignore" ? ["ignore_discard"] : values["discards"] === "nopassdown" ? ["no_discard_passdown"] : []),
        ...(entry.status.includes("ERROR_WHEN_FULL") || entry.flags.includes("ERROR_WHEN_FULL") ? ["error_if_no_space"] : []),
      ];
      return { type: "thin-pool", ...span, metadata: metadataDevice, data, blockSectors, lowWaterMark: 0, features };
    }

    function planThin(): Target | undefined {
      const pool = parts.pool(String(values["thin_pool"]));
      const deviceId = number("device_id");
      const origin = values["external_origin"] === undefined ? undefined : device("external_origin");
      if (pool === undefined || deviceId === undefined || (origin === undefined) !== (values["external_origin"] === undefined)) return undefined;
      return { type: "thin", ...span, pool, deviceId, ...(origin === undefined ? {} : { origin }) };
    }

    /** Over a cache pool, whose own segment says data and metadata; one in a single LV (`cachevol`) isn't known here. */
    function planCache(): Target | undefined {
      const pool = entries.get(String(values["cache_pool"]))?.segments[0];
      const origin = device("origin");
      if (pool?.type !== "other" || typeOf(pool.segmentType) !== "cache-pool" || origin === undefined) return undefined;
      const [metadataDevice, fast] = ["metadata", "data"].map((key) => (typeof pool.values[key] === "string" ? parts.device(pool.values[key]) : undefined));
      const blockSectors = pool.values["chunk_size"];
      if (metadataDevice === undefined || fast === undefined || typeof blockSectors !== "number" || blockSectors === 0) return undefined;
      const mode = pool.values["cache_mode"];
      const format = pool.values["metadata_format"];
      const policy = pool.values["policy"];
      const features = [...(format === 2 ? ["metadata2"] : []), typeof mode === "string" ? mode : "writethrough"];
      return { type: "cache", ...span, metadata: metadataDevice, fast, origin, blockSectors, features, policy: [typeof policy === "string" ? policy : "smq"] };
    }

    function number(key: string): number | undefined {
      const value = values[key];
      return typeof value === "number" ? value : undefined;
    }

    function device(key: string): Device | undefined {
      const value = values[key];
      return typeof value === "string" ? parts.device(value) : undefined;
    }
  }

  function isRebuilt(name: string): boolean {
    const entry = entries.get(name);
    return entry !== undefined && [...entry.status, ...entry.flags].some((word) => word === "REBUILD" || word === "LV_REBUILD");
  }
}

function pairs(value: unknown): [unknown, unknown][] {
  const list = [value].flat();
  return Array.from({ length: Math.floor(list.length / 2) }, (_, index) => [list[2 * index], list[2 * index + 1]]);
}

function strings(value: unknown): string[] {
  return [value].flat().filter((each) => typeof each === "string");
}
