import { readFileSync, readlinkSync, existsSync } from "node:fs";
import { SECTOR_BYTES } from "../core/binary/source.ts";
import { busPaths } from "./bus-path.ts";
import { attribute, listDirectory } from "./sysfs-files.ts";

/** A block device as sysfs describes it; kernel documentation, ABI/stable/sysfs-block. */
export interface SysfsBlock {
  /** `/dev/vda2`; the kernel's `!` in a name is a slash in the node's. */
  path: string;
  number?: string;
  sizeBytes: number;
  logicalBlockBytes: number;
  partitionOf?: { disk: string; startSector: number };
  serial?: string;
  /** Worldwide name: `naa.…`, `eui.…`. */
  wwid?: string;
  /** Of a disk: its places on the buses, as /dev/disk/by-path names them. */
  busPaths?: string[];
  dm?: { name: string; uuid: string };
  /** For a device-mapper device: the paths of the devices that its table names. */
  below?: string[];
  md?: { members: string[] };
}

/**
 * Every block device that can be read: one that has a size (a drive without a medium and an unused loop device have none),
 * and no device-mapper device that is suspended, where each read would wait.
 */
export function listBlockDevices(sysfs = "/sys"): SysfsBlock[] {
  const classBlock = `${sysfs}/class/block`;
  return listDirectory(classBlock).sort().map((name) => readBlockDevice(classBlock, name)).filter((block) => block !== undefined);
}

/** Undefined for a device that is not to be read, or that has just gone. */
function readBlockDevice(classBlock: string, name: string): SysfsBlock | undefined {
  const folder = `${classBlock}/${name}`;
  const sizeBytes = Number(attribute(`${folder}/size`) ?? 0) * SECTOR_BYTES;
  if (sizeBytes === 0 || name.startsWith("ram") || attribute(`${folder}/dm/suspended`) === "1") return undefined;
  const block: SysfsBlock = { path: devicePath(name), sizeBytes, logicalBlockBytes: blockBytes(folder) };
  const number = attribute(`${folder}/dev`);
  if (number !== undefined) block.number = number;
  const start = attribute(`${folder}/start`);
  if (start !== undefined && existsSync(`${folder}/partition`)) {
    const disk = diskOf(folder);
    if (disk === undefined) return undefined;
    block.partitionOf = { disk: devicePath(disk), startSector: Number(start) };
    block.logicalBlockBytes = blockBytes(`${classBlock}/${disk}`);
  }
  const serial = attribute(`${folder}/serial`) ?? attribute(`${folder}/device/serial`) ?? unitSerial(`${folder}/device/vpd_pg80`);
  if (serial) block.serial = serial;
  const wwid = attribute(`${folder}/wwid`) ?? attribute(`${folder}/device/wwid`);
  if (wwid) block.wwid = wwid;
  const places = block.partitionOf === undefined ? busPaths(folder) : [];
  if (places.length > 0) block.busPaths = places;
  const dmName = attribute(`${folder}/dm/name`);
  if (dmName !== undefined) {
    block.dm = { name: dmName, uuid: attribute(`${folder}/dm/uuid`) ?? "" };
    block.below = listDirectory(`${folder}/slaves`).map(devicePath);
  }
  if (existsSync(`${folder}/md`)) block.md = { members: listDirectory(`${folder}/slaves`).map(devicePath) };
  return block;
}

/** The kernel name of a partition's disk, from where the link leads: …/block/vda/vda2. */
function diskOf(folder: string): string | undefined {
  try {
    return readlinkSync(folder).split("/").at(-2);
  } catch {
    return undefined; // unplugged
  }
}

const devicePath = (name: string) => `/dev/${name.replaceAll("!", "/")}`;

const blockBytes = (folder: string) => Number(attribute(`${folder}/queue/logical_block_size`) ?? SECTOR_BYTES);

/** The serial number of a SCSI or SATA disk, as it answered the kernel's inquiry; SPC-4, 7.8.15 "Unit Serial Number VPD page". */
function unitSerial(path: string): string | undefined {
  try {
    const page = readFileSync(path);
    return page.length < 4 ? undefined : page.toString("latin1", 4, 4 + page.readUInt16BE(2)).trim();
  } catch {
    return undefined;
  }
}

/** The modaliases of all devices on all buses: what their drivers are found by. */
export function listModaliases(sysfs = "/sys"): string[] {
  const found = new Set<string>();
  for (const bus of listDirectory(`${sysfs}/bus`)) {
    for (const device of listDirectory(`${sysfs}/bus/${bus}/devices`)) {
      const modalias = attribute(`${sysfs}/bus/${bus}/devices/${device}/modalias`);
      if (modalias) found.add(modalias);
    }
  }
  return [...found].sort();
}

/**
 * Whether virtio's devices are still being put on their bus. Their disks are numbered as virtio_blk meets them: loaded meanwhile, it would meet some on
 * the way over the bus and others as they come, and vdb and vdc change places from boot to boot. proc(5), /proc/modules: name, bytes, uses, users, state.
 */
export function isBusGrowing(proc = "/proc"): boolean {
  return /^virtio_(pci|mmio) \d+ \d+ \S+ Loading /m.test(attribute(`${proc}/modules`) ?? "");
}
