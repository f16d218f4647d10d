import type { Source } from "../binary/source.ts";
import type { Struct } from "../binary/struct.ts";
import type { Content } from "./content.ts";

/** What a reader of one format says of a source: undefined when it is not this format. */
export type Probe = (source: Source) => Promise<Content | undefined>;

/** A format that one structure at a fixed place tells: its magic, and enough besides that random bytes are none of it. */
export interface Superblock<T> {
  type: string;
  /** Where it may begin; a negative one counts back from the end. */
  startBytes: number[];
  /** The end is that of the last whole block of so many bytes; 1 when absent. */
  endBlockBytes?: number;
  layout: Struct<T>;
  /** The magic, by its place in the structure: compared before anything is decoded. */
  magic: { at: number; bytes: string };
  /** The rest of what is known; undefined when a field has a value that the format does not allow. */
  read(decoded: T, raw: Buffer, startByte: number, source: Source): Described | undefined | Promise<Described | undefined>;
}

type Described = Omit<Content, "type">;

/** The format's reader, with its table for who writes one. It reads at most the structure itself, at each of its places. */
export function superblockProbe<T>(superblock: Superblock<T>): Probe & { superblock: Superblock<T> } {
  const { type, startBytes, endBlockBytes = 1, layout, magic, read } = superblock;
  const probe: Probe = async (source) => {
    const endByte = source.sizeBytes - (source.sizeBytes % endBlockBytes);
    for (const start of startBytes) {
      const startByte = start < 0 ? endByte + start : start;
      const raw = await readInside(source, startByte, layout.sizeBytes);
      if (raw === undefined || !hasMagic(raw, magic.at, magic.bytes)) continue;
      const described = await read(layout.decode(raw), raw, startByte, source);
      if (described !== undefined) return { type, ...described };
    }
    return undefined;
  };
  return Object.assign(probe, { superblock });
}

/** The bytes, or undefined where the source ends before they do. */
export async function readInside(source: Source, offsetBytes: number, lengthBytes: number): Promise<Buffer | undefined> {
  const isInside = Number.isSafeInteger(offsetBytes) && offsetBytes >= 0 && offsetBytes + lengthBytes <= source.sizeBytes;
  return isInside ? source.read(offsetBytes, lengthBytes) : undefined;
}

/** Whether the bytes at this place are these, one character a byte. */
export function hasMagic(raw: Buffer, at: number, magic: string): boolean {
  return raw.toString("latin1", at, at + magic.length) === magic;
}

export function isPowerOfTwo(value: number, least: number, most: number): boolean {
  return value >= least && value <= most && Number.isInteger(Math.log2(value));
}
