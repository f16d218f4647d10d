import { MkinitrdError } from "../errors.ts";
import { printableLine } from "../quote.ts";

/** A value of the LUKS2 metadata, and where it stands there: `keyslots.0.area`. `on` is what errors call the disk. */
export interface Place {
  value: unknown;
  path: string;
  on: string;
}

/** Refuses the metadata for what stands at a place. */
export function refuse(place: Place, found: string): never {
  throw new MkinitrdError({ tried: "reading the LUKS2 metadata", on: place.on, found: printableLine(`${place.path || "the JSON text"} ${found}`) });
}

/** A member of an object; its value is undefined when there is none. */
export function member(place: Place, key: string): Place {
  const object = members(place);
  const value = Object.hasOwn(object, key) ? object[key] : undefined;
  return { value, path: place.path === "" ? key : `${place.path}.${key}`, on: place.on };
}

/** A member, or undefined when there is none. */
export function optional(place: Place, key: string): Place | undefined {
  const found = member(place, key);
  return found.value === undefined ? undefined : found;
}

/** The members of an object whose keys are numbers, which is how keyslots, segments, digests and tokens are kept. */
export function numbered(place: Place): { number: number; place: Place }[] {
  return Object.keys(members(place)).map((key) => {
    const found = member(place, key);
    if (!/^(0|[1-9][0-9]{0,8})$/.test(key)) refuse(found, "has no number as its key");
    return { number: Number(key), place: found };
  });
}

/** A text that is not empty. */
export function text(place: Place): string {
  if (typeof place.value === "string" && place.value !== "") return place.value;
  return mustBe(place, "a text");
}

/** An array of texts. */
export function texts(place: Place): string[] {
  if (!Array.isArray(place.value)) return mustBe(place, "an array");
  return place.value.map((value: unknown, index) => text({ value, path: `${place.path}[${index}]`, on: place.on }));
}

/** A JSON number from 0 to 2^32 - 1. */
export function uint32(place: Place): number {
  const { value } = place;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 0xffffffff) return value;
  return mustBe(place, "a number of 32 bits");
}

/** A 64-bit number, which the metadata keeps as text, since JSON numbers can't hold it. */
export function uint64(place: Place): bigint {
  const digits = typeof place.value === "string" && /^[0-9]{1,20}$/.test(place.value) ? BigInt(place.value) : undefined;
  return digits !== undefined && digits < 1n << 64n ? digits : mustBe(place, "a text of digits, under 2^64");
}

function members(place: Place): Record<string, unknown> {
  const { value } = place;
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  return mustBe(place, "an object");
}

function mustBe(place: Place, what: string): never {
  const shown = place.value === undefined ? "is missing" : `is ${shorten(JSON.stringify(place.value))}`;
  return refuse(place, `${shown}, it must be ${what}`);
}

const shorten = (shown: string): string => (shown.length <= 60 ? shown : `${shown.slice(0, 60)}…`);
