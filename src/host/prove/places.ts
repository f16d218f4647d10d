import type { Stage } from "../../core/realroot/types.ts";
import { type DeviceName, parseDevice } from "../../core/volumes/match.ts";
import type { Content, PvContent, Recipe } from "../qemu/recipe.ts";
import { allContents } from "../qemu/recipe-check.ts";
import { type ArrayName, type CopyArray, findArray, learn, parseArray, recipeArray } from "./arrays.ts";
import { refuse, UUID } from "./contents.ts";
import { inOrder, recipeDisk, type Slot } from "./copy-disks.ts";
import { parseNode, type DiskNode } from "./disk-node.ts";
import { contentBytes, settleSizes } from "./sizes.ts";

/** Where something may lie: a partition, a logical volume, what an earlier stage opens. */
export interface Place {
  put(content: Content): void;
}

/** A volume that a stage opens, to be filled by a later one. */
export interface Opened extends Place {
  /** `/dev/mapper/NAME` */
  name: string | undefined;
  isFilled(): boolean;
}

/** The disks of a copy, as they come to be by the names that a spec has for what lies on them. */
export interface Places {
  /** The place that a name means. Throws when it says nothing of where that is. */
  placeFor(device: DeviceName, stage: Stage, isRoot: boolean): Place;
  placeInGroup(vg: string, lv: string): Place;
  placeInArray(wanted: ArrayName): Place;
  systemPartition(device: DeviceName, stage: Stage): Place;
  /** A stage has opened this: what says nothing of where it lies may lie in it. */
  opens(volume: Opened): void;
  /** All of it, with one more disk for each of these contents behind the machine's own; which driver the names ask for. */
  finish(last: Stage, more: readonly Content[]): { recipe: Recipe; attached: number; nodes: DiskNode["bus"] | undefined };
}

/** No disks yet. */
export function createPlaces(): Places {
  const disks = new Map<string, { node: DiskNode | undefined; slots: Slot[]; whole: Content | undefined }>();
  const groups = new Map<string, { name: string; content: Content | undefined }[]>();
  const arrays: CopyArray[] = [];
  const opened: Opened[] = [];
  const systems = new Set<string>();
  return { placeFor, placeInGroup, placeInArray, systemPartition, opens: (volume) => void opened.push(volume), finish };

  function placeFor(device: DeviceName, stage: Stage, isRoot: boolean): Place {
    const free = opened.find(({ isFilled }) => !isFilled());
    const array = device.by === "path" || device.by === "lv" ? parseArray(device) : undefined;
    if (array !== undefined) return placeInArray(array);
    switch (device.by) {
      case "uuid":
      case "label":
        return isRoot && free !== undefined ? free : newPartition({});
      case "partuuid":
      case "partlabel":
        return tagged(device, stage, undefined);
      case "lv":
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
    throw nowhere(device, stage);
  }

  /** A volume of a group; the group is made where nothing is yet. */
  function placeInGroup(vg: string, lv: string): Place {
    let group = groups.get(vg);
    if (group === undefined) {
      groups.set(vg, (group = []));
      const pv: PvContent = { kind: "pv", vg };
      const free = opened.filter(({ isFilled }) => !isFilled());
      if (free.length === 0) newPartition({}).put(pv);
      for (const place of free) place.put(pv);
    }
    const existing = group.find(({ name }) => name === lv);
    const volume = existing ?? { name: lv, content: undefined };
    if (existing === undefined) group.push(volume);
    return { put: (content) => void (volume.content = content) };
  }

  /** An array, of two partitions; what is asked for behind it and says nothing of where it lies may lie in it. */
  function placeInArray(wanted: ArrayName): Place {
    const existing = findArray(arrays, wanted);
    const array: CopyArray = existing ?? { ...wanted, content: undefined };
    learn(array, wanted);
    const place: Opened = { name: undefined, isFilled: () => array.content !== undefined, put: (content) => void (array.content = content) };
    if (existing !== undefined) return place;
    arrays.push(array);
    opened.push(place);
    return place;
  }

  /** The header of system encryption lies in front of the first partition of the disk, of which the realroot names a partition. */
  function systemPartition(device: DeviceName, stage: Stage): Place {
    const { system } = stage.options;
    const own = device.by === "path" ? parseNode(device.path) : undefined;
    if (device.by === "path" ? own?.partition === undefined : device.by !== "partlabel" && device.by !== "partuuid") throw refuse(stage, "system encryption is of a partition, named by its node, its label or its UUID");
    const checkAlone = (disk: string) => {
      if (systems.has(disk)) throw refuse(stage, "a disk has room for the header of one system, and here are two");
      systems.add(disk);
    };
    if (typeof system !== "string") {
      checkAlone(own?.disk ?? "");
      return placeFor(device, stage, false);
    }
    const named = parseNode(parseDevice(system).text);
    if (named === undefined || named.partition !== undefined || (own !== undefined && own.disk !== named.disk)) throw refuse(stage, `${system} is no disk by its node, or not that of the partition`);
    checkAlone(named.disk);
    return own === undefined ? tagged(device, stage, named) : onDisk(own);
  }

  /** A partition by its label or its UUID, on a disk that has a name or on any. */
  function tagged(device: DeviceName, stage: Stage, on: DiskNode | undefined): Place {
    if (device.by === "partlabel") return newPartition({ label: device.value }, on);
    if (device.by === "partuuid" && device.partitionsOn === undefined && UUID.test(device.value)) return newPartition({ uuid: device.value }, on);
    throw nowhere(device, stage);
  }

  function newPartition({ label, uuid }: Partial<Pick<Slot, "label" | "uuid">>, on?: DiskNode): Place {
    const slot: Slot = { number: undefined, label, uuid, content: undefined };
    disk(on?.disk ?? "", on).slots.push(slot);
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

  function finish(last: Stage, more: readonly Content[]): ReturnType<Places["finish"]> {
    const recipeArrays = arrays.map(recipeArray);
    for (const { name } of recipeArrays) for (let member = 0; member < 2; member++) newPartition({}).put({ kind: "md", array: name });
    const buses = new Set([...disks.values()].flatMap(({ node }) => (node === undefined ? [] : [node.bus])));
    if (buses.size > 1) throw refuse(last, `its disks have ${buses.size} kinds of names, and a copy has one`);
    const bytesOf = (content: Content | undefined) => contentBytes(content, groups, recipeArrays);
    const machine = inOrder(disks).map((one) => recipeDisk(one, bytesOf));
    const recipe: Recipe = {
      name: "copy", folder: "/", about: "The stack of a realroot spec.", realroot: "", answers: {},
      arrays: recipeArrays,
      disks: [...machine, ...more.map((whole) => recipeDisk({ slots: [], whole }, bytesOf))],
      volumeGroups: [...groups].map(([name, volumes]) => ({
        name,
        logicalVolumes: volumes.map((volume) => ({ name: volume.name, sizeBytes: bytesOf(volume.content), type: "linear" as const, stripes: 1, origin: undefined, content: volume.content })),
      })),
    };
    settleSizes(allContents(recipe), groups, recipeArrays);
    return { recipe, attached: machine.length, nodes: [...buses][0] };
  }
}

function nowhere(device: DeviceName, stage: Stage): Error {
  return refuse(stage, `${device.text} says nothing of where it lies`);
}
