import { decodeText } from "../formats/label.ts";
import { type DiskLink, isLinkTo, parseDiskLink } from "./disk-links.ts";
import { mapperName } from "./lvm-names.ts";
import { isArrayUuid, mdadmUuid } from "./md.ts";
import { USUAL_TYPES } from "./rarer-formats.ts";
import type { Volume } from "./types.ts";

/** A device as a spec names it. `text` is the name as given. */
export type DeviceName = { text: string } & (
  | { by: "path"; path: string }
  | { by: "mapper"; name: string }
  /** `VG/LV`; also `/dev/VG/LV`, which may just as well be a node in a folder of /dev. */
  | { by: "lv"; vg: string; lv: string; path: string }
  /** MAJOR:MINOR, as udev's /dev/block/254:1 and the kernel's root= have it. */
  | { by: "number"; number: string }
  /** udev's links by serial number, worldwide name, and place on the buses. */
  | { by: "link"; link: DiskLink; path: string }
  | { by: Tag; value: string; partitionsOn?: number }
);

type Tag = "uuid" | "label" | "partuuid" | "partlabel" | "serial";

const TAG = /^(UUID|LABEL|PARTUUID|PARTLABEL|SERIAL)=(.*)$/s;
const NUMBER = /^\/dev\/block\/(\d+:\d+)$/;
/** The partition so many numbers on from the one named; the kernel's admin-guide, "root=". */
const OFFSET = /^(.*)\/PARTNROFF=(-?\d{1,3})$/s;
const LINK = /^\/dev\/disk\/by-(uuid|label|partuuid|partlabel)\/(.+)$/s;

/**
 * Reads the name of a device: `/dev/vda2`, `vda2`, `/dev/mapper/NAME`, `/dev/VG/LV`, `VG/LV`, `UUID=…` and the other
 * tags, `PARTUUID=…/PARTNROFF=1`, `/dev/block/254:1`, `/dev/disk/by-uuid/…`, `by-id`, `by-path` and their like (with udev's \x20 for what no file name holds). Any text is some name.
 */
export function parseDevice(text: string): DeviceName {
  const [, number] = NUMBER.exec(text) ?? [];
  if (number !== undefined) return { text, by: "number", number };
  const [, tag, value] = TAG.exec(text) ?? [];
  const [, partUuid, partitionsOn] = (tag === "PARTUUID" && value !== undefined && OFFSET.exec(value)) || [];
  if (partUuid !== undefined) return { text, by: "partuuid", value: partUuid, partitionsOn: Number(partitionsOn) };
  if (tag !== undefined && value !== undefined) return { text, by: tag.toLowerCase() as Tag, value };
  const [, link, encoded] = LINK.exec(text) ?? [];
  if (link !== undefined && encoded !== undefined) return { text, by: link as Tag, value: decodeLink(encoded) };
  const path = text.startsWith("/") ? text : `/dev/${text}`;
  const diskLink = parseDiskLink(path);
  if (diskLink !== undefined) return { text, by: "link", link: diskLink, path };
  const [first, second, ...rest] = path.startsWith("/dev/") ? path.slice("/dev/".length).split("/") : [];
  if (!first || !second || rest.length > 0) return { text, by: "path", path };
  return first === "mapper" ? { text, by: "mapper", name: second } : { text, by: "lv", vg: first, lv: second, path };
}

/** udev writes `\xHH` for each byte of a name that is not safe in a file name. */
function decodeLink(encoded: string): string {
  const parts = encoded.split(/\\x([0-9a-f]{2})/i).map((part, index) => Buffer.from(part, index % 2 === 1 ? "hex" : "utf8"));
  return decodeText(Buffer.concat(parts));
}

/** Whether the name is this volume's own, and not only that of one it lies on. UUIDs compare in either case of letters. */
export function matches(volume: Volume, device: DeviceName): boolean {
  if (volume.name === device.text || namesArray(volume, device)) return true;
  // A member's UUID and label are its array's.
  if ((device.by === "uuid" || device.by === "label") && volume.content?.type === "linux_raid_member") return false;
  switch (device.by) {
    case "path":
      return volume.path === device.path;
    case "mapper":
      return volume.dm?.name === device.name || (volume.lv !== undefined && mapperName(volume.lv.vg, volume.lv.lv) === device.name);
    case "lv":
      return volume.path === device.path || (volume.lv?.vg === device.vg && volume.lv.lv === device.lv);
    case "number":
      return volume.number === device.number;
    case "link":
      return isLinkTo(volume, device.link);
    case "uuid":
      return sameLetters(volume.content?.uuid, device.value);
    case "label":
      return volume.content?.label === device.value;
    case "partuuid":
      return sameLetters(volume.partition?.partUuid, device.value);
    case "partlabel":
      return volume.partition?.partLabel === device.value;
    case "serial":
      return volume.serial === device.value;
  }
}

/** By UUID, by the nodes that mdadm and udev's rules for it make, by its name with or without the host. */
function namesArray({ md }: Volume, device: DeviceName): boolean {
  if (md === undefined) return false;
  if (device.by === "uuid") return isArrayUuid(md.uuid, device.value);
  if (device.by !== "path" && device.by !== "lv") return false;
  const links = [`/dev/disk/by-id/md-uuid-${mdadmUuid(md.uuid)}`, `/dev/disk/by-id/md-name-${md.name}`, `/dev/md/${md.name}`];
  return device.path === md.node || links.includes(device.path);
}

/** Every volume that the text names: several where copies are attached, or two groups have one name. */
export function findVolumes(volumes: Volume[], text: string): Volume[] {
  const device = parseDevice(text);
  const named = withoutSnapshots(volumes.filter((volume) => matches(volume, device)));
  const found = device.by === "uuid" || device.by === "label" ? usualFirst(named) : named;
  if (device.by === "link" && device.link.partition !== undefined) return volumes.filter(({ parent, partition }) => partition?.number === device.link.partition && found.some((disk) => disk.name === parent));
  if (device.by !== "partuuid" || device.partitionsOn === undefined) return found;
  const { partitionsOn } = device;
  return volumes.filter(({ parent, partition }) => found.some((named) => named.parent === parent && partition !== undefined && named.partition!.number + partitionsOn === partition.number));
}

/** Whether these are different devices of one filesystem, and not copies of one device. */
export function areMembers(volumes: readonly Volume[]): boolean {
  const members = volumes.map(({ content }) => content?.member?.uuid);
  const sameFilesystem = volumes.every(({ content }) => content?.uuid === volumes[0]?.content?.uuid);
  return sameFilesystem && !members.includes(undefined) && new Set(members).size === members.length;
}

/** Of a label or UUID that an ext4 and a stick of NTFS both have, the ext4 is meant: the rarer formats answer where no other does. */
function usualFirst(found: Volume[]): Volume[] {
  const usual = found.filter(({ content }) => content !== undefined && USUAL_TYPES.includes(content.type));
  return usual.length === 0 ? found : usual;
}

/** A snapshot has the UUID and the label of its origin: the origin is meant. */
function withoutSnapshots(found: Volume[]): Volume[] {
  const isThere = (vgUuid: string, name: string) => found.some(({ lv }) => lv?.vgUuid === vgUuid && lv.lv === name);
  return found.filter(({ lv }) => lv?.snapshotOf === undefined || !isThere(lv.vgUuid, lv.snapshotOf));
}

function sameLetters(a: string | undefined, b: string): boolean {
  return a !== undefined && a.toLowerCase() === b.toLowerCase();
}
