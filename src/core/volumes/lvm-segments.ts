import type { Device } from "../dm/device.ts";
import type { Raid } from "../dm/raid.ts";
import type { Target } from "../dm/table.ts";
import type { LogicalVolumeEntry, OtherSegment, VolumeGroupMetadata } from "../formats/lvm2-metadata.ts";
import { typeOf } from "./lvm-parts.ts";
import { isReshaped } from "./lvm-refusals.ts";
import { stripedPlanner } from "./lvm-targets.ts";

/** What segments lie on, by the names that the metadata has. */
export interface Parts {
  /** A PV, or an LV of the group. */
  device(name: string): Device | undefined;
  /** A thin pool. */
  pool(name: string): Device | undefined;
  /** A run of sectors of an LV, as a device of its own with the suffix that LVM gives it. */
  slice(name: string, suffix: string, startSector: number, lengthSectors: number): Device | undefined;
}

/** Names that LVM has kept for what its first version of an array called them. */
const RAID_ALIASES: Record<string, string> = { raid5: "raid5_ls", raid6: "raid6_zr", raid10_near: "raid10" };

const WRITECACHE_SETTINGS = ["high_watermark", "low_watermark", "writeback_jobs", "autocommit_blocks", "autocommit_time", "max_age"];

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

  function planOther(segment: OtherSegment, span: { startSector: number; lengthSectors: number }, entry: LogicalVolumeEntry): Target | undefined {
    const { segmentType, values } = segment;
    const type = typeOf(segmentType);
    if (type === "error" || type === "zero") return { type, ...span };
    if (type === "mirror") return planMirror();
    if (type.startsWith("raid")) return planRaid();
    if (type === "thin-pool") return planPool();
    if (type === "thin") return planThin();
    if (type === "cache") return values["data_start"] === undefined ? planCache() : planCacheVolume();
    if (type === "writecache") return planWritecache();
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
      if (isReshaped(segment) || entry.status.includes("RESHAPE")) return undefined;
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

    /** Over a cache pool, whose own segment says data and metadata. */
    function planCache(): Target | undefined {
      const pool = entries.get(String(values["cache_pool"]))?.segments[0];
      const origin = device("origin");
      if (pool?.type !== "other" || typeOf(pool.segmentType) !== "cache-pool" || origin === undefined) return undefined;
      const [metadataDevice, fast] = ["metadata", "data"].map((key) => (typeof pool.values[key] === "string" ? parts.device(pool.values[key]) : undefined));
      return metadataDevice && fast && cacheOver(pool.values, metadataDevice, fast, origin);
    }

    /** Over one LV with both, whose places the segment itself says, in sectors; lib/cache_segtype/cache.c, _cache_add_target_line. */
    function planCacheVolume(): Target | undefined {
      const origin = device("origin");
      const [metadataStart, metadataLength, dataStart, dataLength] = ["metadata_start", "metadata_len", "data_start", "data_len"].map(number);
      if (origin === undefined || metadataStart === undefined || metadataLength === undefined || dataStart === undefined || dataLength === undefined) return undefined;
      const name = String(values["cache_pool"]);
      const [metadataDevice, fast] = [parts.slice(name, "-cmeta", metadataStart, metadataLength), parts.slice(name, "-cdata", dataStart, dataLength)];
      return metadataDevice && fast && cacheOver(values, metadataDevice, fast, origin);
    }

    function cacheOver(settings: OtherSegment["values"], metadataDevice: Device, fast: Device, origin: Device): Target | undefined {
      const { cache_mode: mode, chunk_size: blockSectors, metadata_format: format, policy } = settings;
      if (typeof blockSectors !== "number" || blockSectors === 0) return undefined;
      const features = [...(format === 2 ? ["metadata2"] : []), typeof mode === "string" ? mode : "writethrough"];
      return { type: "cache", ...span, metadata: metadataDevice, fast, origin, blockSectors, features, policy: [typeof policy === "string" ? policy : "smq"] };
    }

    /** lib/writecache/writecache.c, _writecache_add_target_line; the settings in the order of libdm/libdm-deptree.c, _writecache_emit_segment_line. */
    function planWritecache(): Target | undefined {
      const [origin, fast, blockBytes] = [device("origin"), device("writecache"), number("writecache_block_size")];
      if (origin === undefined || fast === undefined || blockBytes === undefined || blockBytes < 512) return undefined;
      const options = WRITECACHE_SETTINGS.flatMap((key) => { const value = number(key); return value === undefined ? [] : [key, String(value)]; });
      return { type: "writecache", ...span, mode: "s", origin, fast, blockBytes, options: [...options, ...(number("cleaner") ? ["cleaner"] : [])] };
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
