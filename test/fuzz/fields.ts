import type { Source } from "../../src/core/binary/source.ts";
import { type Disk, readDisk } from "./disk.ts";

/** A number or a text that a reader took from a disk. */
export interface FieldPlace {
  disk: number;
  at: number;
  lengthBytes: number;
  kind: "le" | "be" | "text";
}

/** Where a reader looked at a whole disk. */
export interface Looked {
  fields: FieldPlace[];
  /** Ranges that were read. */
  ranges: { disk: number; at: number; lengthBytes: number }[];
}

/** More of one kind of place than a run will ever try. */
const MOST_PLACES = 20_000;
const METHODS = {
  readUInt8: [1, "le"], readUInt16LE: [2, "le"], readUInt16BE: [2, "be"], readUInt32LE: [4, "le"], readUInt32BE: [4, "be"], readInt32LE: [4, "le"],
  readBigUInt64LE: [8, "le"], readBigUInt64BE: [8, "be"],
} as const;

/**
 * Runs a reader over whole disks and notes which bytes it decodes, as what: the offsets of the tables' fields, found wherever the
 * structures lie. Buffers are told by their memory, which each has for itself meanwhile.
 */
export async function recordFields(disks: readonly Disk[], run: (sources: Source[]) => Promise<void>): Promise<Looked> {
  const places = new WeakMap<ArrayBufferLike, { disk: number; at: number }>();
  const fields = new Map<string, FieldPlace>();
  const ranges = new Map<string, Looked["ranges"][number]>();
  const note = (buffer: Buffer, at: number, lengthBytes: number, kind: FieldPlace["kind"]): void => {
    const place = places.get(buffer.buffer);
    if (place === undefined || fields.size >= MOST_PLACES || lengthBytes <= 0) return;
    const byte = place.at + buffer.byteOffset + at;
    fields.set(`${place.disk} ${byte} ${lengthBytes}`, { disk: place.disk, at: byte, lengthBytes, kind });
  };
  const { poolSize } = Buffer;
  const { from } = Buffer;
  const prototype = Buffer.prototype as unknown as Record<string, (...args: never[]) => unknown>;
  const originals = new Map([...Object.keys(METHODS), "toString"].map((name) => [name, prototype[name]!]));
  try {
    Buffer.poolSize = 0;
    Buffer.from = function (this: unknown, ...args: unknown[]) {
      const made = Reflect.apply(from, Buffer, args) as Buffer;
      const [first] = args;
      const place = first instanceof Uint8Array ? places.get(first.buffer) : undefined;
      if (place !== undefined && made.byteOffset === 0) places.set(made.buffer, { disk: place.disk, at: place.at + (first as Uint8Array).byteOffset });
      return made;
    } as typeof Buffer.from;
    for (const [name, [lengthBytes, kind]] of Object.entries(METHODS)) {
      const original = originals.get(name)!;
      prototype[name] = function (this: Buffer, at: number = 0) {
        note(this, at, lengthBytes, kind);
        return Reflect.apply(original, this, [at]);
      } as never;
    }
    prototype["toString"] = function (this: Buffer, encoding?: string, start = 0, end = this.length) {
      note(this, start, end - start, "text");
      return Reflect.apply(originals.get("toString")!, this, [encoding, start, end]);
    } as never;
    await run(disks.map((disk, index): Source => ({
      name: disk.base.name,
      sizeBytes: disk.sizeBytes,
      async read(at, lengthBytes) {
        const bytes = readDisk(disk, at, lengthBytes);
        places.set(bytes.buffer, { disk: index, at: at - bytes.byteOffset });
        if (ranges.size < MOST_PLACES && lengthBytes > 0) ranges.set(`${index} ${at} ${lengthBytes}`, { disk: index, at, lengthBytes });
        return bytes;
      },
    })));
  } finally {
    Buffer.poolSize = poolSize;
    Buffer.from = from;
    for (const [name, original] of originals) prototype[name] = original;
  }
  return { fields: [...fields.values()], ranges: [...ranges.values()] };
}
