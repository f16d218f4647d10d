import { SECTOR_BYTES } from "../binary/source.ts";
import type { Source } from "../binary/source.ts";
import type { Device } from "../dm/device.ts";
import { openTable } from "../dm/table.ts";
import type { Target } from "../dm/table.ts";
import type { PhysicalVolume } from "../formats/lvm2.ts";
import type { LogicalVolumeEntry, VolumeGroupMetadata } from "../formats/lvm2-metadata.ts";
import { targetPlanner } from "./lvm-targets.ts";

/** No real LV lies on more; without a limit, a made-up group of many LVs could take minutes. */
const MAX_NAMES = 4096;

/** A physical volume, and the device that it was read from. */
export interface FoundPv {
  device: Device;
  pv: PhysicalVolume;
}

/** A volume group as far as its physical volumes were found. */
export interface VolumeGroup {
  name: string;
  uuid: string;
  /** Of the metadata that was used, the newest that any PV holds. */
  seqno: number;
  missingPvs: MissingPv[];
  logicalVolumes: LogicalVolume[];
}

export interface MissingPv {
  uuid: string;
  /** As the metadata calls it: `pv0`. */
  name: string;
}

export interface LogicalVolume {
  name: string;
  uuid: string;
  sizeBytes: number;
  /** False for the parts of other LVs: mirror legs, pool data. */
  visible: boolean;
  status: string[];
  /** UUIDs of the PVs that it lies on, itself or through other LVs, and that are missing. */
  missingPvs: string[];
  /** Its device-mapper table; absent unless it is linear and striped segments on PVs that are there. */
  targets?: Target[];
  /** Its bytes, without activation; absent as `targets` is. Throws when a device is too short. */
  open?(): Source;
}

/**
 * Joins physical volumes to volume groups, by the VG's UUID: two groups of one name stay two. The newest metadata of any
 * PV counts for the whole group. Where a PV was found twice (a copy, a path of a multipath device), the first one is used.
 */
export function assembleVolumeGroups(found: FoundPv[]): VolumeGroup[] {
  const devices = new Map<string, Device>();
  const newest = new Map<string, VolumeGroupMetadata>();
  for (const { device, pv } of found) {
    if (!devices.has(pv.pvUuid)) devices.set(pv.pvUuid, device);
    if (pv.metadata === undefined) continue;
    const known = newest.get(pv.metadata.id);
    if (known === undefined || known.seqno < pv.metadata.seqno) newest.set(pv.metadata.id, pv.metadata);
  }
  return [...newest.values()].map((metadata) => assemble(metadata, devices));
}

function assemble(metadata: VolumeGroupMetadata, devices: Map<string, Device>): VolumeGroup {
  // A PV that was away when the group changed is marked, and stays missing when it comes back: its data is old.
  const present = new Map<string, Device>();
  const missingPvs: MissingPv[] = [];
  for (const { flags, id, name } of metadata.physicalVolumes) {
    const device = devices.get(id);
    if (device === undefined || flags.includes("MISSING")) missingPvs.push({ uuid: id, name });
    else present.set(name, device);
  }
  const plan = targetPlanner(metadata, present);
  const missingFor = missingPvsFinder(metadata, missingPvs);
  return {
    name: metadata.name,
    uuid: metadata.id,
    seqno: metadata.seqno,
    missingPvs,
    logicalVolumes: metadata.logicalVolumes.map((entry) => ({
      ...describe(entry, metadata),
      missingPvs: missingFor(entry.name),
      ...openable(`${metadata.name}/${entry.name}`, plan(entry)),
    })),
  };
}

function describe({ id, name, segments, status }: LogicalVolumeEntry, { extentSectors }: VolumeGroupMetadata) {
  const extents = segments.reduce((sum, { extentCount }) => sum + extentCount, 0);
  return { name, uuid: id, sizeBytes: extents * extentSectors * SECTOR_BYTES, visible: status.includes("VISIBLE"), status };
}

function openable(name: string, targets: Target[] | undefined): Pick<LogicalVolume, "targets" | "open"> {
  return targets === undefined ? {} : { targets, open: () => openTable(name, targets) };
}

/** Gives the UUIDs of the missing PVs that an LV lies on, itself or through the LVs that its segments name. */
function missingPvsFinder({ logicalVolumes }: VolumeGroupMetadata, missing: MissingPv[]): (lv: string) => string[] {
  if (missing.length === 0) return () => [];
  const direct = new Map(logicalVolumes.map((entry) => [entry.name, directNames(entry)]));
  return (lv) => {
    const names = new Set([lv]);
    for (const name of names) { // a set may grow while it is walked
      for (const below of direct.get(name) ?? []) names.add(below);
      if (names.size > MAX_NAMES) break;
    }
    return missing.filter(({ name }) => names.has(name)).map(({ uuid }) => uuid);
  };
}

/** What a segment refers to, in whatever keys its type has for that. */
function directNames({ segments }: LogicalVolumeEntry): string[] {
  return segments.flatMap((segment) => {
    if (segment.type === "striped") return segment.stripes.map(({ pv }) => pv);
    const { type: _, ...values } = segment.values;
    return Object.values(values).flat().filter((value) => typeof value === "string");
  });
}
