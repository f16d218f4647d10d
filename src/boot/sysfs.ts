import { readdirSync, readFileSync, readlinkSync, existsSync } from "node:fs";
import { SECTOR_BYTES } from "../core/binary/source.ts";

const CLASS_BLOCK = "/sys/class/block";

/** A block device as sysfs describes it; kernel documentation, ABI/stable/sysfs-block. */
export interface SysfsBlock {
  /** `/dev/vda2`; the kernel's `!` in a name is a slash in the node's. */
  path: string;
  sizeBytes: number;
  logicalBlockBytes: number;
  partitionOf?: { disk: string; startSector: number };
  serial?: string;
  dm?: { name: string; uuid: string };
}

/** Every block device that has a size; a drive without a medium and an unused loop device have none. */
export function listBlockDevices(): SysfsBlock[] {
  if (!existsSync(CLASS_BLOCK)) return [];
  return readdirSync(CLASS_BLOCK).sort().map(readBlockDevice).filter((block) => block !== undefined);
}

function readBlockDevice(name: string): SysfsBlock | undefined {
  const folder = `${CLASS_BLOCK}/${name}`;
  const sizeBytes = Number(attribute(`${folder}/size`) ?? 0) * SECTOR_BYTES;
  if (sizeBytes === 0 || name.startsWith("ram")) return undefined;
  const block: SysfsBlock = { path: devicePath(name), sizeBytes, logicalBlockBytes: blockBytes(folder) };
  const start = attribute(`${folder}/start`);
  if (start !== undefined && existsSync(`${folder}/partition`)) {
    const disk = readlinkSync(folder).split("/").at(-2)!;
    block.partitionOf = { disk: devicePath(disk), startSector: Number(start) };
    block.logicalBlockBytes = blockBytes(`${CLASS_BLOCK}/${disk}`);
  }
  const serial = attribute(`${folder}/serial`) ?? attribute(`${folder}/device/serial`);
  if (serial) block.serial = serial;
  const dmName = attribute(`${folder}/dm/name`);
  if (dmName !== undefined) block.dm = { name: dmName, uuid: attribute(`${folder}/dm/uuid`) ?? "" };
  return block;
}

const devicePath = (name: string) => `/dev/${name.replaceAll("!", "/")}`;

const blockBytes = (folder: string) => Number(attribute(`${folder}/queue/logical_block_size`) ?? SECTOR_BYTES);

/** The text of a sysfs attribute; undefined when it isn't there or its device has just gone. */
function attribute(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}

/** The modaliases of all devices on all buses: what their drivers are found by. */
export function listModaliases(): string[] {
  const found = new Set<string>();
  for (const bus of listDirectory("/sys/bus")) {
    for (const device of listDirectory(`/sys/bus/${bus}/devices`)) {
      const modalias = attribute(`/sys/bus/${bus}/devices/${device}/modalias`);
      if (modalias) found.add(modalias);
    }
  }
  return [...found].sort();
}

function listDirectory(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
