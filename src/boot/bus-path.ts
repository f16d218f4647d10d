import { realpathSync } from "node:fs";
import { attribute, listDirectory } from "./sysfs-files.ts";

/** `0000:00:1f.2`. */
const PCI = /^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/;

/**
 * The names that udev has for a disk's place on its buses, behind /dev/disk/by-path/; systemd's path_id built-in. Given for disks
 * behind a PCI device: virtio, NVMe, SATA, USB and SCSI; none for others. `folder` is the disk's directory in sysfs.
 */
export function busPaths(folder: string): string[] {
  let parts: string[];
  try {
    parts = realpathSync(folder).split("/");
  } catch {
    return []; // it has just gone
  }
  const pciAt = parts.findLastIndex((part) => PCI.test(part));
  if (pciAt < 0) return [];
  const pci = `pci-${parts[pciAt]}`;
  const behind = parts.slice(pciAt + 1);
  const upTo = (part: string) => parts.slice(0, parts.lastIndexOf(part) + 1).join("/");
  if (behind[0] === "nvme") {
    const namespace = attribute(`${folder}/nsid`);
    return namespace === undefined ? [] : [`${pci}-nvme-${namespace}`];
  }
  const host = behind.find((part) => /^host\d+$/.test(part));
  const address = behind.find((part) => /^\d+:\d+:\d+:\d+$/.test(part));
  if (host !== undefined && address !== undefined) {
    const ata = behind.find((part) => /^ata\d+$/.test(part));
    if (ata !== undefined) return ataPaths(pci, `${upTo(ata)}/ata_port/${ata}`, address);
    const usb = behind.findLast((part) => /^\d+-[\d.]+:\d+\.\d+$/.test(part));
    const bus = usb === undefined ? "" : `-usb-0:${usb.slice(usb.indexOf("-") + 1)}`;
    return [`${pci}${bus}-scsi-${scsiAddress(address, host, upTo(host))}`];
  }
  return /^virtio\d+$/.test(behind[0] ?? "") ? [pci, `virtio-${pci}`] : [];
}

/** The port's number on its controller, and the device on that port. */
function ataPaths(pci: string, port: string, address: string): string[] {
  const number = attribute(`${port}/port_no`);
  const [, , target] = address.split(":");
  return number === undefined ? [] : [`${pci}-ata-${number}`, `${pci}-ata-${number}.${target}`];
}

/** The kernel counts hosts over the whole machine, as they come; the name counts those of one controller. */
function scsiAddress(address: string, host: string, hostFolder: string): string {
  const hosts = listDirectory(hostFolder.slice(0, hostFolder.lastIndexOf("/"))).flatMap((name) => /^host(\d+)$/.exec(name)?.[1] ?? []).map(Number);
  return [Number(host.slice("host".length)) - Math.min(...hosts), ...address.split(":").slice(1)].join(":");
}
