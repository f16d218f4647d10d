import { SECTOR_BYTES } from "../binary/source.ts";
import { explain } from "../errors.ts";
import { probeLvm2 } from "../formats/lvm2.ts";
import { probeMd } from "../formats/md.ts";
import { describeEntry, describeTable, readTables, windowOf, withoutMembersPartitions } from "./disk-tables.ts";
import type { TableResult } from "./disk-tables.ts";
import { assembleVolumeGroups } from "./lvm.ts";
import type { Planner } from "./lvm-targets.ts";
import type { FoundPv, VolumeGroup } from "./lvm.ts";
import { activeLogicalVolume, inactiveLogicalVolumes, isLvmDevice } from "./lvm-volumes.ts";
import { activeArray, assembleArrays, inactiveArrays } from "./md.ts";
import type { FoundMember, MdArray, OpenArray } from "./md.ts";
import { probe } from "./probe.ts";
import { RARER_FORMATS } from "./rarer-formats.ts";
import type { Formats } from "./rarer-formats.ts";
import type { BlockDevice, Volume } from "./types.ts";

/** Of the volumes in one table, or of all LVs that are not active. */
const MAX_PROBED = 1024;
const AT_A_TIME = 8;

/** What lies on a set of devices, and how it hangs together. */
export interface Survey {
  volumes: Volume[];
  groups: VolumeGroup[];
  arrays: MdArray[];
}

/** How what lies on devices is read; without one of these as the early boot does, where each byte counts. See all-readers.ts. */
export interface Readers {
  /** The rarer formats to look for. */
  formats?: Formats;
  /** Reads logical volumes of more kinds than linear and striped ones. */
  planner?: Planner;
  /** Reads arrays of more levels than mirrors. */
  openArray?: OpenArray;
}

/** The volumes of `survey`. */
export async function discover(listed: BlockDevice[], formats: Formats = RARER_FORMATS, readers: Readers = {}): Promise<Volume[]> {
  return (await survey(listed, { ...readers, formats })).volumes;
}

/**
 * Every volume on the devices: disks, partitions, mappings, and the logical volumes that a person sees, active or not.
 * In the order of the devices, the partitions that only we see behind their disk, the LVs that are not active last.
 * What is wrong with one volume is in its `damage` and hides no other: this never throws for what a disk says.
 */
export async function survey(listed: BlockDevice[], { formats = RARER_FORMATS, openArray, planner }: Readers = {}): Promise<Survey> {
  const tables = await readTables(listed);
  const devices = await withoutMembersPartitions(listed, tables);
  const partitioned = new Set(devices.flatMap(({ partitionOf }) => (partitionOf ? [partitionOf.disk] : [])));

  const others = devices.filter((device) => !isLvmDevice(device));
  const plain = await Promise.all(others.map((device) => describeDevice(device, tables, partitioned, formats)));
  const diskIds = new Map(devices.map(({ number, path, serial, wwid }) => [path, wwid ?? serial ?? (number === undefined ? path : undefined)])); // an image file is itself
  const groups = assembleVolumeGroups(await findPvs(joinable(plain.flat()), diskIds), planner);
  const active = await Promise.all(devices.filter(isLvmDevice).map((device) => activeVolume(device, groups, formats)));
  const arrays = assembleArrays(await findMembers(joinable([...plain, ...active].flat())), openArray);
  const inactive = [...inactiveArrays(arrays, devices), ...inactiveLogicalVolumes(groups, devices)];

  const byDevice = new Map(others.map((device, index) => [device, plain[index] ?? []]));
  devices.filter(isLvmDevice).forEach((device, index) => byDevice.set(device, active[index] ?? []));
  const withArrays = devices.flatMap((device) => {
    const md = activeArray(device, arrays);
    return (byDevice.get(device) ?? []).map((volume) => (md === undefined || volume.path !== device.path ? volume : { ...volume, md }));
  });
  return { volumes: [...withArrays, ...(await probeInTurn(inactive, formats))], groups, arrays };
}

/** A device that is no LV, and the partitions in it that the kernel did not make. */
async function describeDevice(device: BlockDevice, tables: Map<string, TableResult>, partitioned: Set<string>, formats: Formats): Promise<Volume[]> {
  const { below, busPaths, dm, md, number, openedBy, partitionOf, path, serial, source, wwid } = device;
  const volume: Volume = {
    name: dm === undefined ? path : `/dev/mapper/${dm.name}`,
    layer: partitionOf ? "partition" : dm ? "mapping" : md ? "array" : "disk",
    path,
    sizeBytes: source.sizeBytes,
    source,
    ...(number === undefined ? {} : { number }),
    ...(serial === undefined ? {} : { serial }),
    ...(wwid === undefined ? {} : { wwid }),
    ...(busPaths === undefined ? {} : { busPaths }),
    ...(dm === undefined ? {} : { dm }),
    ...(below === undefined ? {} : { below }),
    ...(openedBy === undefined ? {} : { openedBy }),
    ...(partitionOf === undefined ? {} : { parent: partitionOf.disk }),
  };
  if (partitionOf !== undefined) {
    const startBytes = partitionOf.startSector * SECTOR_BYTES;
    const entry = tables.get(partitionOf.disk)?.table?.partitions.find((partition) => partition.startBytes === startBytes);
    return [await probed(entry === undefined ? volume : { ...volume, partition: describeEntry(entry) }, formats)];
  }
  const { table, damage } = tables.get(path) ?? {};
  // Of what the kernel has divided into partitions, a signature of the whole is a remainder.
  const disk = { ...volume, ...(damage === undefined ? {} : { damage }), ...(table === undefined ? {} : { table: describeTable(table) }) };
  if (partitioned.has(path)) return [disk];
  const whole = await probed(volume, formats);
  // The backup of a table survives at the end of a disk that was since used as a whole; the kernel doesn't look there.
  const isTable = table !== undefined && table.partitions.length > 0 && (whole.content === undefined || whole.content.mayBeRemains || table.usedCopy === "primary");
  if (!isTable) return [whole.content || whole.damage ? whole : damage === undefined ? await withOtherTable(whole, formats) : { ...whole, damage }];
  const windows = table.partitions.map((entry) => windowOf(volume, device, entry));
  return [disk, ...(await probeInTurn(windows, formats))];
}

/** A disk on which we found nothing, with the type of the partition table that it has all the same. */
async function withOtherTable(disk: Volume, { table }: Formats): Promise<Volume> {
  const type = disk.layer === "disk" && disk.source ? await table?.(disk.source).catch(() => undefined) : undefined; // what is unreadable, probing has told
  return type === undefined ? disk : { ...disk, otherTable: type };
}

/** A table or a group may list any number: a few are read at a time, and not more than a person could look at. */
async function probeInTurn(volumes: Volume[], formats: Formats): Promise<Volume[]> {
  const done: Volume[] = [];
  for (let index = 0; index < Math.min(volumes.length, MAX_PROBED); index += AT_A_TIME) {
    done.push(...(await Promise.all(volumes.slice(index, Math.min(index + AT_A_TIME, MAX_PROBED)).map((volume) => probed(volume, formats)))));
  }
  const rest = volumes.slice(MAX_PROBED).map((volume) => ({ ...volume, damage: `not looked into: ${MAX_PROBED} before it were` }));
  return [...done, ...rest];
}

/** The volume with its content, or with the reason why that could not be read. */
async function probed(volume: Volume, formats: Formats): Promise<Volume> {
  if (volume.source === undefined || formats.unread?.has(volume.name) === true) return volume;
  try {
    const content = await probe(volume.source, formats);
    return content === undefined ? volume : { ...volume, content };
  } catch (error) {
    return { ...volume, damage: explain(error) };
  }
}

/**
 * Those that a group or an array may be joined from. Not a partition that only we see on a disk of the kernel's: no program can open
 * it, and most likely the kernel is about to make it.
 */
function joinable(volumes: Volume[]): Volume[] {
  const ofKernel = new Set(volumes.filter(({ number }) => number !== undefined).map(({ name }) => name));
  return volumes.filter(({ parent, path }) => path !== undefined || parent === undefined || !ofKernel.has(parent));
}

/** The physical volumes; mappings first, since a disk below one may show the same PV (a path of a multipath device). */
async function findPvs(volumes: Volume[], diskIds: Map<string, string | undefined>): Promise<FoundPv[]> {
  const members = volumes.filter(({ content }) => content?.type === "LVM2_member");
  const ordered = [...members.filter(({ layer }) => layer === "mapping"), ...members.filter(({ layer }) => layer !== "mapping")];
  const found = await Promise.all(ordered.map(async ({ name, parent, path, source }): Promise<FoundPv[]> => {
    const pv = source && (await probeLvm2(source).catch(() => undefined)); // it was read a moment ago: its device went away
    const diskId = diskIds.get(parent ?? path ?? name);
    return source && pv ? [{ device: { path: path ?? name, source }, pv, ...(diskId === undefined ? {} : { diskId }) }] : [];
  }));
  return found.flat();
}

async function findMembers(volumes: Volume[]): Promise<FoundMember[]> {
  const members = volumes.filter(({ content }) => content?.type === "linux_raid_member");
  const found = await Promise.all(members.map(async ({ name, path, source }): Promise<FoundMember[]> => {
    const member = source && (await probeMd(source).catch(() => undefined));
    return source && member ? [{ path: path ?? name, source, member }] : [];
  }));
  return found.flat();
}

async function activeVolume(device: BlockDevice, groups: VolumeGroup[], formats: Formats): Promise<Volume[]> {
  const volume = activeLogicalVolume(device, groups);
  return volume === undefined ? [] : [await probed(volume, formats)];
}
