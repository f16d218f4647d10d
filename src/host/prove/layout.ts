import { parseKeyFile } from "../../core/realroot/key-file.ts";
import type { Stage } from "../../core/realroot/types.ts";
import { parseDevice } from "../../core/volumes/match.ts";
import type { Answers } from "../qemu/answers.ts";
import type { Content, FilesystemContent, Recipe } from "../qemu/recipe.ts";
import { arrayOf, parseArray } from "./arrays.ts";
import { checkStage, type Container, filesystem, keyFilesystem, refuse, TEST_PASSPHRASE } from "./contents.ts";
import { cryptCopy } from "./crypt-copy.ts";
import type { DiskNode } from "./disk-node.ts";
import { KEY_FILE_BYTES, keyFileText, keyOf } from "./keys.ts";
import { createPlaces, type Place } from "./places.ts";
import { HIDDEN_PASSPHRASE, tcryptCopy, TEST_PIM } from "./tcrypt-copy.ts";

/** Disks with the same stack as those that a realroot spec is about, and nothing of theirs but names. */
export interface Layout {
  recipe: Recipe;
  /** So many disks of the recipe are the machine's; the others hold files of the image. */
  attached: number;
  /** Files of the image in whose place the copy has its own, that fit its volumes. */
  files: CopyFile[];
  /** Which driver the names in the spec ask for: `/dev/nvme0n1p2` means NVMe. Undefined where any will do. */
  nodes: DiskNode["bus"] | undefined;
  /** What to type at which prompt. */
  answers: Answers;
  /** What the copy has in another way than the machine: for a person who reads the result. */
  notes: string[];
}

/** The whole content of a disk of the recipe, or a text. */
export interface CopyFile {
  path: string;
  from: { text: string } | { disk: number };
}

/** What of an image decides how its copy looks. */
export interface ImageFacts {
  hasFile(path: string): boolean;
  hasDriver(name: string): boolean;
}

/** What is typed at which prompt; more often than so nobody is asked: each volume takes one, and those that another one's opens are not asked for. */
const ANSWERS = { "Passphrase for": TEST_PASSPHRASE, "PIM (0 for none) for": String(TEST_PIM), "Hidden volume's passphrase for": HIDDEN_PASSPHRASE };
const MOST_TIMES = 8;

/**
 * The disks for a spec: each stage's volume, on a partition, a logical volume, an array, or inside of what an earlier stage
 * opens. A group whose physical volumes nobody names lies in all that the stages before it open. Throws for what can't be made.
 */
export function layoutFor(stages: readonly Stage[], image: ImageFacts): Layout {
  const { placeFor, placeInArray, placeInGroup, systemPartition, opens, finish } = createPlaces();
  const keyTexts = new Map<string, string>();
  const sticks = new Map<string, FilesystemContent>();
  /** Names of the headers that are files of the image. */
  const headerFiles: { path: string; name: string }[] = [];
  let headers = 0;
  const files: CopyFile[] = [];
  const notes: string[] = [];

  stages.forEach((stage, index) => {
    const isRoot = index === stages.length - 1;
    checkStage(stage);
    if (stage.kind === "lvm") return logicalVolume(stage, isRoot);
    const device = parseDevice(stage.device);
    if (stage.kind === "local") return placeFor(device, stage, isRoot).put(filesystem(stage, device));
    const inner = stage.fstype === "none" ? undefined : filesystem(stage, undefined);
    if (stage.kind === "md") {
      const array = placeInArray(arrayOf(device, stage));
      if (inner !== undefined) array.put(inner);
      return;
    }
    const { content, holder } = container(stage, inner);
    const place = stage.options["system"] === undefined ? placeFor(device, stage, isRoot) : systemPartition(device, stage);
    place.put(content);
    if (inner === undefined) opens({ name: stage.name, isFilled: () => holder.content !== undefined, put: (within) => void (holder.content = within) });
  });

  function container(stage: Stage, inner: Content | undefined): Container {
    if (stage.kind === "tcplay") return tcryptCopy(stage, inner, (place) => keyFile(stage, place).text);
    return cryptCopy(stage, inner, {
      header: (place) => header(stage, place),
      key(place, part) {
        const { text, isThere } = keyFile(stage, place, part.sizeBytes);
        if (!isThere) return void notes.push(`${stage.device} is opened by a passphrase in the copy: the image has no ${place}`);
        const key = keyOf(text, part);
        if (key === undefined) throw refuse(stage, `its key lies behind the ${KEY_FILE_BYTES} bytes that a key file of a copy has`);
        return key;
      },
    });
  }

  /** A key file of the copy, where the image looks for it: in the image itself, where it has one there, on another device, or a device. */
  function keyFile(stage: Stage, place: string, sizeBytes?: number): { text: string; isThere: boolean } {
    const parsed = parseKeyFile(place);
    if ("reason" in parsed) throw refuse(stage, `the key file ${place}: ${parsed.reason}`);
    const { path, device } = parsed;
    const isInImage = device === undefined && !path.startsWith("/dev/");
    const isThere = !isInImage || image.hasFile(path);
    const known = keyTexts.get(place);
    if (known !== undefined) return { text: known, isThere };
    const text = keyFileText(keyTexts.size + 1);
    keyTexts.set(place, text);
    if (isInImage && isThere) files.push({ path, from: { text } });
    else if (device !== undefined) stick(stage, device, path).files[path.slice(1)] = text;
    else if (!isInImage) keyDevice(stage, path, sizeBytes).put({ kind: "bytes", text });
    return { text, isThere };
  }

  function keyDevice(stage: Stage, path: string, sizeBytes: number | undefined): Place {
    const device = parseDevice(path);
    if (device.by === "uuid" || device.by === "label") throw refuse(stage, `${path} holds nothing but a key, and has no UUID and no label`);
    if (sizeBytes === undefined) throw refuse(stage, `${path} is a whole device, and nothing says how much of it is the key`);
    return placeFor(device, stage, false);
  }

  /** The filesystem on a device that key files lie on. */
  function stick(stage: Stage, name: string, path: string): FilesystemContent {
    const device = parseDevice(name);
    const made = keyFilesystem(stage, device, path, image.hasDriver);
    const known = sticks.get(name);
    if (known !== undefined) return known;
    sticks.set(name, made);
    placeFor(device, stage, false).put(made);
    return made;
  }

  /** Room for a detached header, on a device or as a file of the image. */
  function header(stage: Stage, place: string): string {
    const name = `detached header ${++headers}`;
    if (place.startsWith("/") && !place.startsWith("/dev/")) {
      headerFiles.push({ path: place, name });
      return name;
    }
    const device = parseDevice(place);
    if (device.by === "lv" || device.by === "mapper" || (device.by === "path" && parseArray(device) !== undefined)) throw refuse(stage, `a header on ${place} can't be made here: it has to lie on a disk or a partition`);
    placeFor(device, stage, false).put({ kind: "header", name });
    return name;
  }

  function logicalVolume(stage: Stage, isRoot: boolean): void {
    const [vg = "", lv = ""] = stage.device.split("/");
    const place = placeInGroup(vg, lv);
    if (stage.fstype !== "none" || isRoot) place.put(filesystem(stage, undefined));
  }

  const { recipe, attached, nodes } = finish(stages.at(-1)!, headerFiles.map(({ name }) => ({ kind: "header", name })));
  return {
    recipe, attached, nodes, notes,
    files: [...files, ...headerFiles.flatMap(({ path }, index) => (image.hasFile(path) ? [{ path, from: { disk: attached + index } }] : []))],
    answers: Object.fromEntries(Object.entries(ANSWERS).map(([prompt, answer]) => [prompt, Array<string>(MOST_TIMES).fill(answer)])),
  };
}
