import { SECTOR_BYTES } from "../binary/source.ts";
import type { Source } from "../binary/source.ts";
import type { Device } from "../dm/device.ts";
import type { Target } from "../dm/table.ts";
import type { PhysicalVolume } from "../formats/lvm2.ts";
import type { LogicalVolumeEntry, Segment, VolumeGroupMetadata } from "../formats/lvm2-metadata.ts";
import { mappingPlanner } from "./lvm-mappings.ts";
import { healthChecker, isPool, redundancyOf, snapshotOrigins, snapshotSources, typeOf, visibility } from "./lvm-parts.ts";
import { targetPlanner } from "./lvm-targets.ts";
import type { ByteRange, LvTable, Planner } from "./lvm-targets.ts";
import type { Volume } from "./types.ts";

/** No real group takes more to find what its LVs lie on; a made-up one could take minutes. */
const MAX_STEPS = 1_000_000;

/** A physical volume, and the device that it was read from. */
export interface FoundPv {
  device: Device;
  pv: PhysicalVolume;
  /** What tells the disk below it from all others; absent where nothing does. */
  diskId?: string;
}

/** A volume group as far as its physical volumes were found. */
export interface VolumeGroup {
  name: string;
  uuid: string;
  /** Of the metadata that was used, the newest that any PV holds. */
  seqno: number;
  /** Of all its physical volumes together, as far as they are divided into extents. */
  sizeBytes: number;
  missingPvs: MissingPv[];
  /** Paths of the devices whose PVs were found. */
  devices: string[];
  /** Paths of devices on other disks than these, with the same PVs: one of the two is a copy. */
  copies: string[];
  logicalVolumes: LogicalVolume[];
}

export interface MissingPv {
  uuid: string;
  /** As the metadata calls it: `pv0`. */
  name: string;
  /** It is there: it was away when the group changed, and LVM has marked it for that. */
  path?: string;
}

export interface LogicalVolume {
  name: string;
  uuid: string;
  sizeBytes: number;
  /** False for the parts of other LVs: mirror legs, pool data. */
  visible: boolean;
  status: string[];
  /** What its segments are, in the words of lvs: `linear`, `raid5_ls`, `thin`. Each once. */
  segmentTypes: string[];
  /** UUIDs of the PVs that it lies on, itself or through other LVs, and that are missing. */
  missingPvs: string[];
  /** PVs are missing, and its type withstands that: a mirrored leg, a disk of parity. */
  degradable: boolean;
  /** Device-mapper names that activation makes, in that order: its own, and those of its parts. */
  mappings: string[];
  /** The LV that it is a snapshot of. */
  snapshotOf?: string;
  /** It holds other LVs, and nothing for a person. */
  pool: boolean;
  /** Its device-mapper table; absent when the planner has none for it. */
  targets?: Target[];
  /** The tables of all devices that LVM would make for it, lower ones first; absent where it lies on PVs only. */
  tables?: LvTable[];
  /** Its bytes, without activation; absent as `targets` is. Throws when a device is too short. */
  open?(): Source;
  /** Its kind is one that can't be read, whatever disks are there. */
  refused?: string;
  /** With PVs missing: its bytes as far as they are there. */
  openPartial?(): Source;
  /** Where its own segments lie on a missing PV, from its start on. */
  missingRanges?: ByteRange[];
}

/** What the metadata of its group says of a volume; undefined where that is no logical volume, or nobody has seen its group. */
export function logicalVolumeOf({ lv }: Volume, groups: readonly VolumeGroup[]): LogicalVolume | undefined {
  return groups.find(({ uuid }) => uuid === lv?.vgUuid)?.logicalVolumes.find(({ uuid }) => uuid === lv?.lvUuid);
}

/**
 * Joins physical volumes to volume groups, by the VG's UUID: two groups of one name stay two. The newest metadata of any
 * PV counts for the whole group. Where a PV was found twice (a path of a multipath device, a copy), the first one is used. How
 * LVs are read is the planner's: the early boot's reads linear and striped ones, `stackPlanner` of lvm-stack.ts all.
 */
export function assembleVolumeGroups(found: FoundPv[], planner: Planner = targetPlanner): VolumeGroup[] {
  const devices = new Map<string, FoundPv>();
  const copies = new Map<string, string[]>();
  const newest = new Map<string, VolumeGroupMetadata>();
  for (const each of found) {
    const { diskId, device, pv } = each;
    const first = devices.get(pv.pvUuid);
    if (first === undefined) devices.set(pv.pvUuid, each);
    else if (diskId !== undefined && first.diskId !== undefined && diskId !== first.diskId) append(copies, pv.pvUuid, device.path);
    if (pv.metadata === undefined) continue;
    const known = newest.get(pv.metadata.id);
    if (known === undefined || known.seqno < pv.metadata.seqno) newest.set(pv.metadata.id, pv.metadata);
  }
  return [...newest.values()].map((metadata) => assemble(metadata, devices, copies, planner));
}

function assemble(metadata: VolumeGroupMetadata, found: Map<string, FoundPv>, copies: Map<string, string[]>, planner: Planner): VolumeGroup {
  // A PV that was away when the group changed is marked, and stays missing when it comes back: its data is old.
  const present = new Map<string, Device>();
  const missingPvs: MissingPv[] = [];
  for (const { flags, id, name } of metadata.physicalVolumes) {
    const device = found.get(id)?.device;
    if (device === undefined) missingPvs.push({ uuid: id, name });
    else if (flags.includes("MISSING")) missingPvs.push({ uuid: id, name, path: device.path });
    else present.set(name, device);
  }
  const plan = planner(metadata, present);
  const missing = findMissing(metadata, missingPvs);
  const health = healthChecker(metadata, new Set(missingPvs.map(({ name }) => name)));
  const mappings = mappingPlanner(metadata);
  const visible = visibility(metadata);
  const sources = snapshotSources(metadata.logicalVolumes);
  return {
    name: metadata.name,
    uuid: metadata.id,
    seqno: metadata.seqno,
    sizeBytes: metadata.physicalVolumes.reduce((sum, { peCount }) => sum + peCount, 0) * metadata.extentSectors * SECTOR_BYTES,
    missingPvs,
    devices: [...new Set([...present.values()].map(({ path }) => path))],
    copies: metadata.physicalVolumes.flatMap(({ id }) => copies.get(id) ?? []),
    logicalVolumes: metadata.logicalVolumes.map((entry) => ({
      ...describe(entry, metadata),
      visible: visible(entry),
      missingPvs: missing.get(entry.name) ?? [],
      degradable: missing.has(entry.name) && health(entry.name) === "degraded",
      mappings: mappings(entry.name),
      ...(sources.has(entry.name) ? { snapshotOf: sources.get(entry.name)! } : {}),
      pool: isPool(entry),
      ...plan(entry),
    })),
  };
}

function describe({ id, name, segments, status }: LogicalVolumeEntry, { extentSectors }: VolumeGroupMetadata) {
  const extents = segments.reduce((sum, { extentCount }) => sum + extentCount, 0);
  return { name, uuid: id, sizeBytes: extents * extentSectors * SECTOR_BYTES, status, segmentTypes: [...new Set(segments.map(segmentTypeOf))] };
}

/** A stripe alone is linear; lvm2 lib/report/report.c, _segtype_disp. */
function segmentTypeOf(segment: Segment): string {
  if (segment.type === "striped") return segment.stripes.length === 1 ? "linear" : "striped";
  return typeOf(segment.segmentType);
}

/** By LV, the UUIDs of the missing PVs that it lies on, itself or through the LVs that its segments name. */
function findMissing({ logicalVolumes }: VolumeGroupMetadata, missing: MissingPv[]): Map<string, string[]> {
  const above = new Map<string, string[]>();
  for (const entry of missing.length === 0 ? [] : logicalVolumes) {
    for (const name of directNames(entry)) append(above, name, entry.name);
  }
  for (const [snapshot, names] of snapshotOrigins(logicalVolumes)) for (const origin of names) append(above, origin, snapshot);
  const found = new Map<string, string[]>();
  let steps = 0;
  for (const { name: pv, uuid } of missing) {
    const reached = new Set([pv]);
    for (const name of reached) { // a set may grow while it is walked
      for (const lv of above.get(name) ?? []) {
        if (steps++ > MAX_STEPS) return found;
        if (!reached.has(lv)) append(found, lv, uuid);
        reached.add(lv);
      }
    }
  }
  return found;
}

function append(lists: Map<string, string[]>, key: string, value: string): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

function directNames({ segments }: LogicalVolumeEntry): string[] {
  return segments.flatMap(redundancyOf).flatMap(({ legs }) => legs.flat());
}
