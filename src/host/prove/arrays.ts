import type { Stage } from "../../core/realroot/types.ts";
import type { DeviceName } from "../../core/volumes/match.ts";
import type { Array as RecipeArray, Content } from "../qemu/recipe.ts";
import { refuse } from "./contents.ts";

/** What a spec says of an array; mdadm's names, with or without the host in front. */
export interface ArrayName {
  name?: string;
  uuid?: string;
}

/** An array of the copy, as far as the spec has told of it. */
export interface CopyArray extends ArrayName {
  content: Content | undefined;
}

const NAME = "[A-Za-z0-9_.][A-Za-z0-9_.:-]{0,31}";
const BY_NAME = new RegExp(`^/dev/(?:md/|disk/by-id/md-name-)(${NAME})$`);
const BY_UUID = /^(?:UUID=|\/dev\/disk\/by-id\/md-uuid-)([0-9A-Fa-f:-]{32,36})$/;
const BY_NUMBER = /^\/dev\/md(\d{1,6})$/;

/** The array that a device names: by its UUID, its name or its node; undefined when it names none. `UUID=` is an array's for the kind md alone. */
export function parseArray({ text, by }: DeviceName): ArrayName | undefined {
  const [, uuid] = BY_UUID.exec(text) ?? [];
  if (uuid !== undefined) return isUuid(uuid) ? { uuid: dashed(uuid) } : undefined;
  const [, number] = BY_NUMBER.exec(text) ?? [];
  if (number !== undefined) return { name: String(Number(number)) };
  const [, name] = by === "path" || by === "lv" ? (BY_NAME.exec(text) ?? []) : [];
  return name === undefined ? undefined : { name };
}

/** As `parseArray`, of a stage that is of an array. */
export function arrayOf(device: DeviceName, stage: Stage): ArrayName {
  const array = parseArray(device);
  if (array === undefined) throw refuse(stage, `${device.text} is no name, no UUID and no node of an array`);
  return array;
}

/**
 * The array that a name means among those that there are. A name of which nothing is known is that of one which is known by its UUID alone
 * and in which nothing lies yet: `md:none:UUID=…` is what /dev/md/root is then.
 */
export function findArray(arrays: readonly CopyArray[], wanted: ArrayName): CopyArray | undefined {
  if (wanted.uuid !== undefined) return arrays.find(({ uuid }) => uuid === wanted.uuid);
  const known = arrays.find(({ name }) => name !== undefined && withoutHost(name) === withoutHost(wanted.name!));
  return known ?? arrays.find(({ name, content }) => name === undefined && content === undefined);
}

/** What an array has learned of its name. */
export function learn(array: CopyArray, { name }: ArrayName): void {
  if (name !== undefined && (array.name === undefined || name.includes(":"))) array.name = name;
}

/** A mirror of two, whatever the real one is: the spec says nothing of it. */
export function recipeArray({ name, uuid, content }: CopyArray, index: number): RecipeArray {
  return { name: name ?? `copy${index}`, level: "1", metadata: "1.2", uuid, content };
}

const isUuid = (text: string): boolean => text.replaceAll(/[:-]/g, "").length === 32;
const dashed = (uuid: string): string => uuid.toLowerCase().replaceAll(/[:-]/g, "").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
const withoutHost = (name: string): string => name.replace(/^[^:]*:/, "");
