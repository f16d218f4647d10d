import { MkinitrdError } from "../../core/errors.ts";
import type { Stage } from "../../core/realroot/types.ts";
import { type DeviceName, parseDevice } from "../../core/volumes/match.ts";
import type { Content, FilesystemContent, LuksContent, PvContent, Recipe, RecipeDisk } from "../qemu/recipe.ts";
import { parseNode, type DiskNode } from "./disk-node.ts";
import { contentBytes, MIB } from "./sizes.ts";

/** What opens every volume of a copy. */
export const TEST_PASSPHRASE = "mkinitrd tests this image";

/** Disks with the same stack as those that a realroot spec is about, and nothing of theirs but names. */
export interface Layout {
  recipe: Recipe;
  /** Which driver the names in the spec ask for: `/dev/nvme0n1p2` means NVMe. Undefined where any will do. */
  nodes: DiskNode["bus"] | undefined;
  /** What the copy has in another way than the machine: for a person who reads the result. */
  notes: string[];
}

const GPT_LINUX = "0FC63DAF-8483-4772-8E79-3D69D8477DE4";
const UUID = /^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$/;
const FILESYSTEMS = ["ext4", "xfs", "btrfs", "squashfs", "erofs"];
const FILLER_BYTES = 8 * MIB;
/** Options of a stage without which the volume is another one. Others change how it is opened, which is what is tested. */
const OTHER_VOLUME = ["type", "header", "cipher", "size", "hash", "offset", "skip", "sector-size", "keyslot", "hidden", "system", "backup", "protect-hidden", "no-passphrase", "pim", "engine", "vg-uuid"];
const KEY_FILES = ["keyfile", "keyfile-hidden"];

/** Where something may lie: a partition, a logical volume, what an earlier stage opens. */
interface Place {
  put(content: Content): void;
}

/** A volume that a stage opens, to be filled by a later one. */
interface Opened extends Place {
  /** `/dev/mapper/NAME` */
  name: string | undefined;
  isFilled: boolean;
}

interface Slot {
  number: number | undefined;
  label: string | undefined;
  uuid: string | undefined;
  content: Content | undefined;
}

/**
 * The disks for a spec: each stage's volume, on a partition, a logical volume, an array, or inside of what an earlier stage
 * opens. A group whose physical volumes nobody names lies in all that the stages before it open. Throws for what can't be made.
 */
export function layoutFor(stages: readonly Stage[]): Layout {
  const disks = new Map<string, { node: DiskNode | undefined; slots: Slot[]; whole: Content | undefined }>();
  const groups = new Map<string, { name: string; content: Content | undefined }[]>();
  const arrays: { name: string; content: Content | undefined; place: Place }[] = [];
  const opened: Opened[] = [];
  const notes: string[] = [];

  stages.forEach((stage, index) => {
    const isRoot = index === stages.length - 1;
    checkStage(stage);
    if (KEY_FILES.some((key) => Object.hasOwn(stage.options, key))) notes.push(`${stage.device} is opened by a passphrase in the copy: its key file fits the real volume alone`);
    if (stage.kind === "lvm") return logicalVolume(stage, isRoot);
    const device = parseDevice(stage.device);
    if (stage.kind === "local") return placeFor(device, stage, isRoot).put(filesystem(stage, device));
    const inner = stage.fstype === "none" ? undefined : filesystem(stage, undefined);
    if (stage.kind === "md") {
      const array = placeInArray(arrayName(device, stage));
      if (inner !== undefined) array.put(inner);
      return;
    }
    const volume = encrypted(stage, device, inner);
    placeFor(device, stage, isRoot).put(volume);
    if (inner === undefined) opened.push(openedBy(volume, stage.name));
  });

  function logicalVolume(stage: Stage, isRoot: boolean): void {
    const [vg = "", lv = ""] = stage.device.split("/");
    const place = placeInGroup(vg, lv);
    if (stage.fstype !== "none" || isRoot) place.put(filesystem(stage, undefined));
  }

  /** A volume of a group; the group is made where nothing is yet. */
  function placeInGroup(vg: string, lv: string): Place {
    let group = groups.get(vg);
    if (group === undefined) {
      groups.set(vg, (group = []));
      const pv: PvContent = { kind: "pv", vg };
      const free = opened.filter(({ isFilled }) => !isFilled);
      if (free.length === 0) newPartition({}).put(pv);
      for (const place of free) place.put(pv);
    }
    const existing = group.find(({ name }) => name === lv);
    const volume = existing ?? { name: lv, content: undefined };
    if (existing === undefined) group.push(volume);
    return { put: (content) => void (volume.content = content) };
  }

  /** An array, of two partitions; what is asked for behind it and says nothing of where it lies may lie in it. */
  function placeInArray(name: string): Place {
    const existing = arrays.find((array) => array.name === name);
    if (existing !== undefined) return existing.place;
    const array = { name, content: undefined as Content | undefined };
    const place: Opened = { name: undefined, isFilled: false, put: (content) => {
      place.isFilled = true;
      arrays.find((one) => one.name === name)!.content = content;
    } };
    arrays.push({ ...array, place });
    opened.push(place);
    return place;
  }

  function placeFor(device: DeviceName, stage: Stage, isRoot: boolean): Place {
    const free = opened.find(({ isFilled }) => !isFilled);
    switch (device.by) {
      case "uuid":
      case "label":
        return isRoot && free !== undefined ? free : newPartition({});
      case "partuuid":
        if (device.partitionsOn !== undefined || !UUID.test(device.value)) break;
        return newPartition({ uuid: device.value });
      case "partlabel":
        return newPartition({ label: device.value });
      case "lv":
        if (device.vg === "md") return placeInArray(arrayName(device, stage));
        return placeInGroup(device.vg, device.lv);
      case "mapper": {
        const named = opened.find(({ name }) => name === device.name);
        if (named !== undefined) return named;
        const [, vg, lv] = /^((?:[^-]|--)+)-((?:[^-]|--)+)$/.exec(device.name) ?? [];
        if (vg !== undefined && lv !== undefined) return placeInGroup(vg.replaceAll("--", "-"), lv.replaceAll("--", "-"));
        break;
      }
      case "path": {
        const node = parseNode(device.path);
        if (node !== undefined) return onDisk(node);
        break;
      }
    }
    throw refuse(stage, `${device.text} says nothing of where it lies`);
  }

  function newPartition({ label, uuid }: Partial<Pick<Slot, "label" | "uuid">>): Place {
    const slot: Slot = { number: undefined, label, uuid, content: undefined };
    disk("", undefined).slots.push(slot);
    return { put: (content) => void (slot.content = content) };
  }

  function onDisk(node: DiskNode): Place {
    const on = disk(node.disk, node);
    if (node.partition === undefined) return { put: (content) => void (on.whole = content) };
    const slot: Slot = { number: node.partition, label: undefined, uuid: undefined, content: undefined };
    on.slots.push(slot);
    return { put: (content) => void (slot.content = content) };
  }

  function disk(name: string, node: DiskNode | undefined) {
    const known = disks.get(name);
    if (known !== undefined) return known;
    const made = { node, slots: [] as Slot[], whole: undefined as Content | undefined };
    disks.set(name, made);
    return made;
  }

  for (const array of arrays) for (let member = 0; member < 2; member++) newPartition({}).put({ kind: "md", array: array.name });
  const buses = new Set([...disks.values()].flatMap(({ node }) => (node === undefined ? [] : [node.bus])));
  if (buses.size > 1) throw refuse(stages.at(-1)!, `its disks have ${buses.size} kinds of names, and a copy has one`);
  const volumeGroups = [...groups].map(([name, volumes]) => ({
    name,
    logicalVolumes: volumes.map((volume) => ({ name: volume.name, sizeBytes: contentBytes(volume.content, groups), type: "linear" as const, stripes: 1, origin: undefined, content: volume.content })),
  }));
  return {
    nodes: [...buses][0],
    notes,
    recipe: {
      name: "copy", folder: "/", about: "The stack of a realroot spec.", realroot: "", answers: {},
      arrays: arrays.map(({ name, content }) => ({ name, level: "1", metadata: "1.2", uuid: undefined, content })),
      disks: inOrder(disks).map((one) => recipeDisk(one, (content) => contentBytes(content, groups, arrays))),
      volumeGroups,
    },
  };
}

/** A disk that the spec names by its node has that place: `/dev/sdb` is the second one. */
function inOrder<Disk extends { node: DiskNode | undefined; slots: Slot[]; whole: Content | undefined }>(disks: Map<string, Disk>): (Disk | undefined)[] {
  const ordered: (Disk | undefined)[] = [];
  for (const disk of disks.values()) if (disk.node !== undefined) ordered[disk.node.index] = disk;
  for (const disk of disks.values()) if (disk.node === undefined) ordered.push(disk);
  return Array.from(ordered, (disk) => disk);
}

function recipeDisk(disk: { slots: Slot[]; whole: Content | undefined } | undefined, bytesOf: (content: Content | undefined) => number): RecipeDisk {
  if (disk === undefined) return { sizeBytes: FILLER_BYTES, table: undefined, content: undefined };
  if (disk.whole !== undefined) return { sizeBytes: bytesOf(disk.whole), table: undefined, content: disk.whole };
  const numbered = new Map(disk.slots.flatMap((slot) => (slot.number === undefined ? [] : [[slot.number, slot] as const])));
  const free = disk.slots.filter(({ number }) => number === undefined);
  const count = Math.max(0, ...numbered.keys());
  const slots = [...Array.from({ length: count }, (_, i) => numbered.get(i + 1)), ...free];
  const partitions = slots.map((slot) => ({
    sizeBytes: slot === undefined ? FILLER_BYTES : bytesOf(slot.content),
    type: GPT_LINUX, label: slot?.label, uuid: slot?.uuid, content: slot?.content,
  }));
  return { sizeBytes: partitions.reduce((sum, { sizeBytes }) => sum + sizeBytes, FILLER_BYTES), table: { type: "gpt", id: undefined, partitions }, content: undefined };
}

function filesystem(stage: Stage, device: DeviceName | undefined): FilesystemContent {
  const fstype = stage.fstype === "auto" ? (stage.subvolume === undefined ? "ext4" : "btrfs") : stage.fstype;
  if (!FILESYSTEMS.includes(fstype)) throw refuse(stage, `a root of ${fstype} can't be made here; known: ${FILESYSTEMS.join(", ")}`);
  if (stage.subvolume !== undefined && !/^[A-Za-z0-9@._-]+$/.test(stage.subvolume)) throw refuse(stage, `the subvolume ${stage.subvolume} can't be made here`);
  return {
    kind: "filesystem", fstype: fstype as FilesystemContent["fstype"], label: device?.by === "label" ? device.value : undefined, uuid: uuidOf(stage, device),
    subvolume: stage.subvolume, root: { kind: "busybox", part: "whole", fstab: "" }, files: {},
  };
}

function encrypted(stage: Stage, device: DeviceName, content: Content | undefined): Content {
  if (stage.kind === "tcplay") {
    if (device.by === "uuid" || device.by === "label") throw refuse(stage, "a TrueCrypt volume has no UUID and no label");
    return { kind: "tcrypt", passphrase: TEST_PASSPHRASE, cipher: "aes", hash: "sha512", keyfiles: [], content, destroy: undefined, hidden: undefined };
  }
  return {
    kind: "luks", version: 2, passphrase: TEST_PASSPHRASE, uuid: uuidOf(stage, device), label: device.by === "label" ? device.value : undefined,
    cipher: undefined, keyBits: undefined, pbkdf: { type: "argon2id", iterations: 4, memoryBytes: 32 * MIB, threads: 1 }, header: undefined, content,
  };
}

function openedBy(volume: Content, name: string | undefined): Opened {
  const holder = volume as LuksContent;
  return {
    name,
    isFilled: false,
    put(content) {
      this.isFilled = true;
      holder.content = content;
    },
  };
}

function uuidOf(stage: Stage, device: DeviceName | undefined): string | undefined {
  if (device?.by !== "uuid") return undefined;
  if (!UUID.test(device.value)) throw refuse(stage, `${device.text} is no UUID of a filesystem for a root, nor of LUKS`);
  return device.value.toLowerCase();
}

function arrayName(device: DeviceName, stage: Stage): string {
  const [, name] = /^\/dev\/md\/([A-Za-z0-9_.][A-Za-z0-9_.-]{0,31})$/.exec(device.text) ?? [];
  if (name === undefined) throw refuse(stage, "a copy has arrays by name alone: md:FILESYSTEM:NAME");
  return name;
}

const KINDS = ["local", "crypt", "lvm", "md", "tcplay"];

function checkStage(stage: Stage): void {
  if (!KINDS.includes(stage.kind)) throw refuse(stage, `no disk for the kind ${stage.kind} can be made here; known: ${KINDS.join(", ")}`);
  const option = OTHER_VOLUME.find((key) => Object.hasOwn(stage.options, key));
  if (option !== undefined) throw refuse(stage, `a volume for the option ${option} can't be made here`);
}

function refuse({ kind, device }: Stage, found: string): MkinitrdError {
  return new MkinitrdError({
    tried: "making disks like those of the realroot",
    on: `${kind} ${device}`,
    found,
    next: "test the image on a disk of your own: --test-disk FILE, with --test-expect TEXT that its system prints",
  });
}
