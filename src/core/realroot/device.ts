import { quote } from "../quote.ts";
import { hasLongName, LONG_NAME } from "./long-name.ts";

/** What may stand in front of `=` in place of a path. */
export const DEVICE_TAGS = ["UUID", "LABEL", "PARTUUID", "PARTLABEL", "SERIAL"];

/** As lvm(8), "Valid names". */
const LV_NAME = /^(?!\.\.?$)[A-Za-z0-9+_.][A-Za-z0-9+_.-]{0,126}$/;

/** A decoded device as a stage holds it: `/dev/` in front of a bare name; for lvm `VG/LV`; for md `/dev/md/` in front of an array's name. On bad input the reason. */
export function normalizeDevice(kind: string, device: string): { text: string } | { reason: string } {
  if (device === "") return { reason: "the device is empty" };
  if (kind === "lvm") return normalizeLogicalVolume(device);
  const [, tag, value] = /^([A-Za-z]+)=(.*)$/.exec(device) ?? [];
  if (tag !== undefined) {
    if (!DEVICE_TAGS.includes(tag)) return { reason: `${quote(device)} is no device; known: a path, ${DEVICE_TAGS.map((known) => `${known}=`).join(", ")}` };
    return value === "" ? { reason: `nothing behind ${tag}=` } : { text: device };
  }
  if (hasLongName(device)) return { reason: `${quote(device)}: ${LONG_NAME}` };
  if (kind === "md" && !/^(\/|md\d+$)/.test(device)) return { text: `/dev/md/${device}` };
  return { text: device.startsWith("/") ? device : `/dev/${device}` };
}

/** `vg00/lv0`, `/dev/vg00/lv0` and `/dev/mapper/vg00-lv0` (whose dashes within a name are doubled) are the same volume. */
function normalizeLogicalVolume(device: string): { text: string } | { reason: string } {
  const mapping = /^\/dev\/mapper\/((?:[^-]|--)+)-((?:[^-]|--)+)$/.exec(device);
  const plain = mapping === null ? device.replace(/^\/dev\//, "") : mapping.slice(1).map((part) => part.replaceAll("--", "-")).join("/");
  const parts = plain.split("/");
  if (parts.length === 2 && parts[0] !== "mapper" && parts.every((part) => LV_NAME.test(part))) return { text: plain };
  return { reason: `${quote(device)} is no logical volume; write VG/LV` };
}
