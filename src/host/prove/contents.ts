import { MkinitrdError } from "../../core/errors.ts";
import type { Stage } from "../../core/realroot/types.ts";
import { type DeviceName, parseDevice } from "../../core/volumes/match.ts";
import type { Content, FilesystemContent } from "../qemu/recipe.ts";

/** What opens every volume of a copy that no key file opens. */
export const TEST_PASSPHRASE = "mkinitrd tests this image";

export const UUID = /^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$/;
const FILESYSTEMS = ["ext4", "xfs", "btrfs", "squashfs", "erofs"];
const KINDS = ["local", "crypt", "lvm", "md", "tcplay"];
const PLAIN_PATH = /^(\/[A-Za-z0-9_][A-Za-z0-9_.-]*)+$/;

/** A container of a copy, and what holds that which lies in it: itself, or the hidden volume in it. */
export interface Container {
  content: Content;
  holder: { content: Content | undefined };
}

/** Throws for a stage whose volume can't be made. */
export function checkStage(stage: Stage): void {
  if (!KINDS.includes(stage.kind)) throw refuse(stage, `no disk for the kind ${stage.kind} can be made here; known: ${KINDS.join(", ")}`);
  if (stage.options["vg-uuid"] !== undefined) throw refuse(stage, "a volume for the option vg-uuid can't be made here");
}

/** The filesystem of a root, with the names that the device has in the spec. */
export function filesystem(stage: Stage, device: DeviceName | undefined): FilesystemContent {
  const fstype = stage.fstype === "auto" ? (stage.subvolume === undefined ? "ext4" : "btrfs") : stage.fstype;
  if (!FILESYSTEMS.includes(fstype)) throw refuse(stage, `a root of ${fstype} can't be made here; known: ${FILESYSTEMS.join(", ")}`);
  if (stage.subvolume !== undefined && !/^[A-Za-z0-9@._-]+$/.test(stage.subvolume)) throw refuse(stage, `the subvolume ${stage.subvolume} can't be made here`);
  return {
    kind: "filesystem", fstype: fstype as FilesystemContent["fstype"], label: device?.by === "label" ? device.value : undefined, uuid: uuidOf(stage, device),
    subvolume: stage.subvolume, root: { kind: "busybox", part: "whole", fstab: "" }, files: {},
  };
}

/**
 * The filesystem of a stick for a key file of this path: vfat, where the image reads it and its label allows it, else ext4. The files are put
 * in later.
 */
export function keyFilesystem(stage: Stage, device: DeviceName, path: string, hasDriver: (name: string) => boolean): FilesystemContent {
  if (!PLAIN_PATH.test(path)) throw refuse(stage, `a key file of the name ${path} can't be made here`);
  const uuid = device.by === "uuid" ? device.value : undefined;
  const label = device.by === "label" ? device.value : undefined;
  const isVfat = uuid === undefined ? ["vfat", "nls_cp437"].every(hasDriver) && (label === undefined || /^[A-Z0-9_-]{1,11}$/.test(label)) : /^[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}$/.test(uuid);
  if (uuid !== undefined && !isVfat && !UUID.test(uuid)) throw refuse(stage, `${device.text} is no UUID of a filesystem for a key file`);
  return { kind: "filesystem", fstype: isVfat ? "vfat" : "ext4", label, uuid, subvolume: undefined, root: undefined, files: {} };
}

/** The UUID that a spec names a volume by; undefined when it has another name. */
export function uuidOf(stage: Stage, device: DeviceName | undefined): string | undefined {
  if (device?.by !== "uuid") return undefined;
  if (!UUID.test(device.value)) throw refuse(stage, `${device.text} is no UUID of a filesystem for a root, nor of LUKS`);
  return device.value.toLowerCase();
}

export function refuse({ kind, device }: Stage, found: string): MkinitrdError {
  return new MkinitrdError({
    tried: "making disks like those of the realroot",
    on: `${kind} ${device}`,
    found,
    next: "test the image on a disk of your own: --test-disk FILE, with --test-expect TEXT that its system prints",
  });
}

/** For a volume without a header that anybody could read: it has no UUID and no label to be found by. */
export function refuseTags(stage: Stage, what: string): void {
  const { by } = parseDevice(stage.device);
  if (by === "uuid" || by === "label") throw refuse(stage, `${what} has no UUID and no label`);
}
