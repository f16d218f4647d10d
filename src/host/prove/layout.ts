import type { Stage } from "../../core/realroot/types.ts";
import { type DeviceName, parseDevice } from "../../core/volumes/match.ts";
import type { Content, LuksContent, PvContent, Recipe } from "../qemu/recipe.ts";
import { arrayName, checkStage, encrypted, filesystem, refuse, UUID } from "./contents.ts";
import { inOrder, recipeDisk, type Slot } from "./copy-disks.ts";
import { parseNode, type DiskNode } from "./disk-node.ts";
import { contentBytes } from "./sizes.ts";

/** Disks with the same stack as those that a realroot spec is about, and nothing of theirs but names. */
export interface Layout {
  recipe: Recipe;
  /** Which driver the names in the spec ask for: `/dev/nvme0n1p2` means NVMe. Undefined where any will do. */
  nodes: DiskNode["bus"] | undefined;
  /** What the copy has in another way than the machine: for a person who reads the result. */
  notes: string[];
}

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
