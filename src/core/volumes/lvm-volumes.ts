import { explain } from "../errors.ts";
import { dashedUuid } from "../formats/lvm2.ts";
import type { LogicalVolume, VolumeGroup } from "./lvm.ts";
import { parseMapperName } from "./lvm-names.ts";
import type { BlockDevice, LogicalVolumeRef, Volume } from "./types.ts";

/** `LVM-`, the UUIDs of VG and LV without dashes, and for a device that LVM uses below an LV a suffix: `-tpool`, `-real`. */
const DM_UUID = /^LVM-([0-9A-Za-z]{32})([0-9A-Za-z]{32})(-.+)?$/;

/** Whether LVM made this device. */
export function isLvmDevice({ dm }: BlockDevice): boolean {
  return dm !== undefined && DM_UUID.test(dm.uuid);
}

/** The volume of a device that LVM made; undefined for the parts that no person sees: mirror legs, pool data. */
export function activeLogicalVolume(device: BlockDevice, groups: VolumeGroup[]): Volume | undefined {
  const { dm, number, path, source } = device;
  const [, vgId, lvId, suffix] = DM_UUID.exec(dm?.uuid ?? "") ?? [];
  if (dm === undefined || vgId === undefined || lvId === undefined || suffix !== undefined) return undefined;
  const group = groups.find(({ uuid }) => undashed(uuid) === vgId);
  const logical = group?.logicalVolumes.find(({ uuid }) => undashed(uuid) === lvId);
  if (logical?.visible === false) return undefined;
  // The metadata may be out of reach (the disk went away, the group was renamed): the device still tells its names.
  const names = logical && group ? { vg: group.name, lv: logical.name } : parseMapperName(dm.name);
  const lv: LogicalVolumeRef = {
    vg: names.vg,
    vgUuid: group?.uuid ?? dashedUuid(vgId),
    lv: names.lv,
    lvUuid: logical?.uuid ?? dashedUuid(lvId),
    active: true,
    missingPvs: logical?.missingPvs ?? [],
    ...(group && logical ? activation(group, logical) : {}),
  };
  return { name: `${lv.vg}/${lv.lv}`, layer: "lv", path, ...(number === undefined ? {} : { number }), sizeBytes: source.sizeBytes, source, dm, lv };
}

/** The visible LVs that have no device, with a source where their bytes can be reached without activation. */
export function inactiveLogicalVolumes(groups: VolumeGroup[], devices: BlockDevice[]): Volume[] {
  const activeIds = new Set(devices.map(({ dm }) => dm?.uuid));
  return groups.flatMap((group) =>
    group.logicalVolumes
      .filter(({ uuid, visible }) => visible && !activeIds.has(`LVM-${undashed(group.uuid)}${undashed(uuid)}`))
      .map((logical) => inactiveVolume(group, logical)));
}

function inactiveVolume(group: VolumeGroup, logical: LogicalVolume): Volume {
  const { missingPvs, missingRanges, name: lv, openPartial, refused, sizeBytes, uuid } = logical;
  const volume: Volume = {
    name: `${group.name}/${lv}`,
    layer: "lv",
    sizeBytes,
    lv: { vg: group.name, vgUuid: group.uuid, lv, lvUuid: uuid, active: false, missingPvs, ...activation(group, logical), unread: logical.open === undefined && !logical.pool, ...(refused === undefined ? {} : { refused }) },
    ...(openPartial === undefined ? {} : { openPartial }),
    ...(missingRanges === undefined ? {} : { missingRanges }),
  };
  try {
    const source = logical.open?.();
    return source === undefined ? volume : { ...volume, source };
  } catch (error) {
    return { ...volume, damage: explain(error) };
  }
}

/** What it takes to activate it. */
function activation({ copies, devices, missingPvs }: VolumeGroup, { degradable, mappings, snapshotOf }: LogicalVolume): Partial<LogicalVolumeRef> {
  const returned = missingPvs.flatMap(({ path, uuid }) => (path === undefined ? [] : [[uuid, path]]));
  return { copies, degradable, devices, mappings, ...(returned.length === 0 ? {} : { returnedPvs: Object.fromEntries(returned) }), ...(snapshotOf === undefined ? {} : { snapshotOf }) };
}

function undashed(uuid: string): string {
  return uuid.replaceAll("-", "");
}
