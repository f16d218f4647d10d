import { MkinitrdError } from "../core/errors.ts";
import { printableLine } from "../core/quote.ts";
import { listVolumes } from "../core/volumes/describe.ts";
import { findVolumes, parseDevice } from "../core/volumes/match.ts";
import type { LogicalVolumeRef, Volume } from "../core/volumes/types.ts";
import { AbsentError } from "./absent-error.ts";

/** How long something may be missing before volumes are activated of which nobody knows what they hold. */
const GUESS_AFTER_MS = 2000;

export type LogicalVolume = Volume & { lv: LogicalVolumeRef };

/**
 * The logical volume of this name, of the group with this UUID where one is given, in any state; none or one. Throws when
 * two groups have it, where nothing but a UUID can say which is meant, and when its disks and copies of them are attached.
 */
export function findLogicalVolumes(volumes: Volume[], name: string, vgUuid?: string): LogicalVolume[] {
  const found = findVolumes(volumes, name).filter(isLogical).filter(({ lv }) => vgUuid === undefined || lv.vgUuid === vgUuid);
  const groups = groupsOf(found);
  if (groups.length > 1) throw twoGroups(name, groups);
  const copied = groups.find(({ active, copies = [] }) => !active && copies.length > 0);
  if (copied !== undefined) throw aCopy(name, copied);
  return found;
}

/** Why a logical volume was not found in time, where there is more to say than that it did not appear. */
export function logicalNotFound(name: string, vgUuid: string | undefined, timeoutMs: number, volumes: Volume[]): MkinitrdError | undefined {
  const found = findLogicalVolumes(volumes, name, vgUuid);
  if (found.length > 0 || vgUuid === undefined) return incomplete(name, timeoutMs, volumes, found);
  const others = groupsOf(findVolumes(volumes, name).filter(isLogical));
  if (others.length === 0) return undefined;
  return new AbsentError({
    tried: `waiting ${timeoutMs / 1000} s for volume group ${vgUuid}`,
    on: name,
    found: `only other groups have such a volume: ${listGroups(others)}`,
    next: "correct vg-uuid= in the realroot, or attach the disks of that group",
  });
}

/** The error for a volume whose physical volumes are not all there; undefined where none are missing. */
export function incomplete(name: string, timeoutMs: number, volumes: Volume[], found: LogicalVolume[]): MkinitrdError | undefined {
  const lv = found.find(({ lv }) => lv.missingPvs.length > 0)?.lv;
  if (lv === undefined) return undefined;
  const [uuid, path] = Object.entries(lv.returnedPvs ?? {}).find(([each]) => lv.missingPvs.includes(each)) ?? [];
  const degraded = lv.degradable ? "; to start it without that one, add degraded=ask to its lvm: stage in the realroot" : "";
  if (uuid !== undefined && path !== undefined) {
    return new AbsentError({
      tried: "activating a logical volume",
      on: name,
      found: `physical volume ${printableLine(uuid)} on ${printableLine(path)} was away when volume group ${printableLine(lv.vg)} changed, and is marked as missing`,
      next: `run vgextend --restoremissing ${printableLine(lv.vg)} DEVICE in another system${degraded}`,
    });
  }
  return new AbsentError({
    tried: `waiting ${timeoutMs / 1000} s for a device`,
    on: name,
    found: `physical volume ${lv.missingPvs.map(printableLine).join(", ")} of volume group ${printableLine(lv.vg)} is missing; there is: ${listVolumes(volumes)}`,
    next: `attach the missing disk, then choose Retry${degraded}`,
  });
}

const isLogical = (volume: Volume): volume is LogicalVolume => volume.lv !== undefined;

/** One of the volumes for each group that they are of. */
function groupsOf(volumes: LogicalVolume[]): LogicalVolumeRef[] {
  return [...new Map(volumes.map(({ lv }) => [lv.vgUuid, lv])).values()];
}

/**
 * A volume that may be what a UUID or a label names, though nobody can see that before it is active: of a type whose bytes
 * only the kernel can put together. Not before the time in which other devices appear, and none that was tried.
 */
export function unreadLogical(name: string, waitedMs: number, volumes: Volume[], tried: ReadonlySet<string>): LogicalVolumeRef | undefined {
  if (waitedMs < GUESS_AFTER_MS || !["uuid", "label"].includes(parseDevice(name).by)) return undefined;
  const candidates = volumes.filter(isLogical).map(({ lv }) => lv).filter(({ copies = [], lvUuid, missingPvs, unread }) => unread && missingPvs.length === 0 && copies.length === 0 && !tried.has(lvUuid));
  return candidates.find(({ snapshotOf }) => snapshotOf === undefined);
}

function twoGroups(name: string, groups: LogicalVolumeRef[]): MkinitrdError {
  return new MkinitrdError({
    tried: "choosing the volume group",
    on: name,
    found: `${groups.length} groups of this name: ${listGroups(groups)}`,
    next: `add vg-uuid=UUID of the one that is meant to its lvm: stage in the realroot, as in lvm:none:VG/LV:vg-uuid=${groups[0]?.vgUuid ?? "UUID"}, or detach the other`,
  });
}

function aCopy(name: string, { copies = [], devices = [], vg }: LogicalVolumeRef): MkinitrdError {
  return new MkinitrdError({
    tried: "choosing the disks of the volume group",
    on: name,
    found: `physical volumes of ${printableLine(vg)} that are on ${devices.map(printableLine).join(", ")} are on ${copies.map(printableLine).join(", ")} as well: one is a copy`,
    next: "detach the copy, then choose Retry; vgimportclone, in another system, gives it UUIDs and a name of its own",
  });
}

function listGroups(groups: LogicalVolumeRef[]): string {
  return groups.map(({ devices = [], vg, vgUuid }) => `\n    ${printableLine(vg)}  UUID ${printableLine(vgUuid)}  on ${devices.map(printableLine).join(", ")}`).join("");
}
