import { openFile } from "../../core/binary/file.ts";
import type { Source } from "../../core/binary/source.ts";
import { MkinitrdError } from "../../core/errors.ts";
import { EVERY_FORMAT } from "../../core/volumes/every-format.ts";
import { probe } from "../../core/volumes/probe.ts";

/** A block device as lsblk(8) lists it, with what lies on it. */
export interface BlockDevice {
  /** `/dev/mapper/vg00-root` */
  name: string;
  /** The kernel's: `/dev/dm-0`. */
  kname: string;
  /** `disk`, `part`, `crypt`, `lvm`, `raid1`, `mpath`, `dm`, `loop`. */
  type: string;
  fstype: string | undefined;
  uuid: string | undefined;
  label: string | undefined;
  partuuid: string | undefined;
  mountpoints: string[];
  children: BlockDevice[];
}

export const LSBLK_ARGUMENTS = ["--json", "--paths", "--output", "NAME,KNAME,TYPE,FSTYPE,UUID,LABEL,PARTUUID,MOUNTPOINTS"];

/** Reads what `lsblk` prints with LSBLK_ARGUMENTS. */
export function parseLsblk(text: string): BlockDevice[] {
  try {
    const { blockdevices } = JSON.parse(text) as { blockdevices: Listed[] };
    return blockdevices.map(device);
  } catch (cause) {
    throw new MkinitrdError({ tried: "reading the list of block devices", on: "lsblk", found: "it is no JSON as lsblk of util-linux 2.37 and later prints it", cause });
  }
}

type Listed = Record<string, unknown> & { children?: Listed[]; mountpoints?: (string | null)[] };

function device(listed: Listed): BlockDevice {
  const text = (key: string): string | undefined => (typeof listed[key] === "string" && listed[key] !== "" ? listed[key] : undefined);
  return {
    name: text("name") ?? "", kname: text("kname") ?? "", type: text("type") ?? "", fstype: text("fstype"), uuid: text("uuid"), label: text("label"), partuuid: text("partuuid"),
    mountpoints: (listed.mountpoints ?? []).filter((point) => point !== null),
    children: (listed.children ?? []).map(device),
  };
}

/** What udev did not know of a device that we may read: its content, as our own probe finds it. */
export async function probeUnknown(devices: BlockDevice[], open: (path: string) => Promise<Source> = openFile): Promise<void> {
  for (const one of devices) {
    await probeUnknown(one.children, open);
    if (one.fstype !== undefined || one.type === "rom") continue;
    const source = await open(one.name).catch(() => undefined);
    try {
      const content = source === undefined ? undefined : await probe(source, EVERY_FORMAT);
      if (content !== undefined) Object.assign(one, { fstype: content.type, uuid: content.uuid ?? one.uuid, label: content.label ?? one.label });
    } catch {
      // Damaged, or not for us to read: it stays unknown.
    } finally {
      await source?.close?.();
    }
  }
}

/** The ways from a disk to a device, the disk first: several for a volume that lies on several. */
export function waysTo(devices: readonly BlockDevice[], wanted: (device: BlockDevice) => boolean): BlockDevice[][] {
  return devices.flatMap((one) => [...(wanted(one) ? [[one]] : []), ...waysTo(one.children, wanted).map((way) => [one, ...way])]);
}
