import type { Volume } from "./types.ts";

/** A link of /dev/disk/by-id or /dev/disk/by-path to a disk, or to a partition of it. */
export interface DiskLink {
  by: "id" | "path";
  /** Behind that, without the partition. */
  name: string;
  /** Number in the partition table. */
  partition?: number;
}

const LINK = /^\/dev\/disk\/by-(id|path)\/((?:ata|scsi|nvme|virtio|usb|mmc|wwn|pci)-.+?)(?:-part(\d{1,3}))?$/s;

/** Undefined when it is no link that a disk has. */
export function parseDiskLink(path: string): DiskLink | undefined {
  const [, by, name, partition] = LINK.exec(path) ?? [];
  return name === undefined ? undefined : { by: by as DiskLink["by"], name, ...(partition === undefined ? {} : { partition: Number(partition) }) };
}

/**
 * Whether udev would give a disk this link: systemd's 60-persistent-storage.rules put the serial number at the end, behind bus and
 * model (ata-MODEL_SERIAL, virtio-SERIAL, usb-VENDOR_MODEL_SERIAL-0:0, nvme-MODEL_SERIAL_1), or write the worldwide name (wwn-0x…,
 * scsi-3…, nvme-eui.…). The model is not compared: no two disks have one serial number by chance.
 */
export function isLinkTo({ serial, wwid, busPaths }: Pick<Volume, "serial" | "wwid" | "busPaths">, { by, name: id }: DiskLink): boolean {
  if (by === "path") return busPaths?.includes(id) === true;
  const [, format, hex = ""] = /^(naa|eui)\.([0-9a-f]+)$/i.exec(wwid ?? "") ?? [];
  const names = format === "naa" ? [`wwn-0x${hex}`, `scsi-3${hex}`] : format === "eui" ? [`nvme-eui.${hex}`, `wwn-0x${hex}`] : [];
  if (names.some((name) => name.toLowerCase() === id.toLowerCase())) return true;
  const end = serial === undefined ? "" : linkText(serial);
  const withoutUnit = id.replace(/(?:_\d+|-\d+:\d+)$/, "");
  return end !== "" && [id, withoutUnit].some((name) => name.endsWith(end) && /[-_]$/.test(name.slice(0, -end.length)));
}

/** As udev writes an attribute into a name: blanks at the ends go, others and what is not safe become `_`. */
function linkText(text: string): string {
  return text.trim().replace(/\s+/g, "_").replace(/[^A-Za-z0-9#+\-.:=@_]/g, "_");
}
