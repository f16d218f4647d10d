import { MkinitrdError } from "../../core/errors.ts";
import type { Stage } from "../../core/realroot/types.ts";
import type { DeviceName } from "../../core/volumes/match.ts";
import type { Content, FilesystemContent } from "../qemu/recipe.ts";
import { MIB } from "./sizes.ts";

/** What opens every volume of a copy. */
export const TEST_PASSPHRASE = "mkinitrd tests this image";

export const UUID = /^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$/;
const FILESYSTEMS = ["ext4", "xfs", "btrfs", "squashfs", "erofs"];
/** Options of a stage without which the volume is another one. Others change how it is opened, which is what is tested. */
const OTHER_VOLUME = ["type", "header", "cipher", "size", "hash", "offset", "skip", "sector-size", "keyslot", "hidden", "system", "backup", "protect-hidden", "no-passphrase", "pim", "engine", "vg-uuid"];
const KINDS = ["local", "crypt", "lvm", "md", "tcplay"];

/** Throws for a stage whose volume can't be made. */
export function checkStage(stage: Stage): void {
  if (!KINDS.includes(stage.kind)) throw refuse(stage, `no disk for the kind ${stage.kind} can be made here; known: ${KINDS.join(", ")}`);
  const option = OTHER_VOLUME.find((key) => Object.hasOwn(stage.options, key));
  if (option !== undefined) throw refuse(stage, `a volume for the option ${option} can't be made here`);
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

/** The container that a stage of crypt or tcplay opens. */
export function encrypted(stage: Stage, device: DeviceName, content: Content | undefined): Content {
  if (stage.kind === "tcplay") {
    if (device.by === "uuid" || device.by === "label") throw refuse(stage, "a TrueCrypt volume has no UUID and no label");
    return { kind: "tcrypt", passphrase: TEST_PASSPHRASE, cipher: "aes", hash: "sha512", keyfiles: [], content, destroy: undefined, hidden: undefined };
  }
  return {
    kind: "luks", version: 2, passphrase: TEST_PASSPHRASE, uuid: uuidOf(stage, device), label: device.by === "label" ? device.value : undefined,
    cipher: undefined, keyBits: undefined, pbkdf: { type: "argon2id", iterations: 4, memoryBytes: 32 * MIB, threads: 1 }, header: undefined, content,
  };
}

function uuidOf(stage: Stage, device: DeviceName | undefined): string | undefined {
  if (device?.by !== "uuid") return undefined;
  if (!UUID.test(device.value)) throw refuse(stage, `${device.text} is no UUID of a filesystem for a root, nor of LUKS`);
  return device.value.toLowerCase();
}

/** `pool` of /dev/md/pool. */
export function arrayName(device: DeviceName, stage: Stage): string {
  const [, name] = /^\/dev\/md\/([A-Za-z0-9_.][A-Za-z0-9_.-]{0,31})$/.exec(device.text) ?? [];
  if (name === undefined) throw refuse(stage, "a copy has arrays by name alone: md:FILESYSTEM:NAME");
  return name;
}

export function refuse({ kind, device }: Stage, found: string): MkinitrdError {
  return new MkinitrdError({
    tried: "making disks like those of the realroot",
    on: `${kind} ${device}`,
    found,
    next: "test the image on a disk of your own: --test-disk FILE, with --test-expect TEXT that its system prints",
  });
}
