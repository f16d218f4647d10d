import type { Source } from "../../core/binary/source.ts";
import { observeDecoding, type Table } from "../../core/binary/struct.ts";
import { MkinitrdError } from "../../core/errors.ts";
import { probeLuks2 } from "../../core/formats/luks2.ts";
import { probeLvm2 } from "../../core/formats/lvm2.ts";
import { EVERY_FORMAT } from "../../core/volumes/every-format.ts";
import { readPartitionTable } from "../../core/volumes/partitions.ts";
import { USUAL_PROBES } from "../../core/volumes/probe.ts";
import type { Volume } from "../../core/volumes/types.ts";

/** A number that fits one; a text and bytes that are one, quoted; larger numbers in decimal, other bytes in hexadecimal. */
export type StructureValue = number | string;

/** A structure as it lies on a volume; one that is written as text has no place of its own. */
export interface Structure {
  name: string;
  /** From the volume's beginning. */
  offsetBytes?: number;
  sizeBytes?: number;
  fields: StructureField[];
}

export interface StructureField {
  name: string;
  /** From the volume's beginning. */
  offsetBytes?: number;
  lengthBytes?: number;
  value: StructureValue;
}

/** Of one volume: nobody has more, and a made-up one is no reason to print without an end. */
const MOST_STRUCTURES = 512;
const MOST_FIELDS = 10_000;

/** The structures that tell what each volume is: of its partition table, and of the format that it was found to be. Read once more, to be seen. */
export async function readStructures(volumes: readonly Volume[]): Promise<Map<Volume, Structure[]>> {
  const found = new Map<Volume, Structure[]>();
  for (const volume of volumes) {
    const { content, source, table } = volume;
    if (source === undefined) continue;
    const ofTable = table === undefined ? [] : await watch(source, (from) => readPartitionTable(from, table.logicalBlockBytes));
    const ofContent = content === undefined ? [] : await ofFormat(source, content.type, content.uuid);
    found.set(volume, [...ofTable, ...ofContent].slice(0, MOST_STRUCTURES));
  }
  return found;
}

/** What the one reader decodes that takes the source for this format. */
async function ofFormat(source: Source, type: string, uuid: string | undefined): Promise<Structure[]> {
  for (const probe of [...USUAL_PROBES, ...EVERY_FORMAT.inFirstSector, ...EVERY_FORMAT.behindFirstSector]) {
    let isIt = false;
    const structures = await watch(source, async (from) => {
      const content = await probe(from);
      isIt = content?.type === type && content.uuid === uuid;
    });
    if (isIt) return [...structures, ...(await writtenAsText(source, type))];
  }
  return [];
}

/** The structures that are decoded of a source while `read` runs; what is nothing but zeros is none. */
async function watch(source: Source, read: (from: Source) => Promise<unknown>): Promise<Structure[]> {
  const bases = new WeakMap<ArrayBufferLike, number>();
  const seen = new Map<string, Structure>();
  observeDecoding((name, fields, buffer, offset, value) => {
    const base = bases.get(buffer.buffer);
    if (base === undefined) return; // bytes that were put together, or decrypted
    const start = base + buffer.byteOffset + offset;
    const structure = { name, offsetBytes: start, ...described(fields, start, value) };
    const raw = buffer.subarray(offset, offset + structure.sizeBytes);
    if (raw.some((byte) => byte !== 0)) seen.set(`${name} ${start}`, structure);
  });
  try {
    await read({ ...source, name: source.name, sizeBytes: source.sizeBytes, read: (offsetBytes, lengthBytes) => own(source, offsetBytes, lengthBytes, bases) });
  } catch (error) {
    if (!(error instanceof MkinitrdError)) throw error; // told already: in the volume's damage
  } finally {
    observeDecoding(undefined);
  }
  return [...seen.values()];
}

/** Bytes in memory of their own, by which a structure's place is known again. */
async function own(source: Source, offsetBytes: number, lengthBytes: number, bases: WeakMap<ArrayBufferLike, number>): Promise<Buffer> {
  const memory = new ArrayBuffer(lengthBytes);
  const copy = Buffer.from(memory);
  (await source.read(offsetBytes, lengthBytes)).copy(copy);
  bases.set(memory, offsetBytes);
  return copy;
}

function described(fields: Table<object>, start: number, value: object): { sizeBytes: number; fields: StructureField[] } {
  const entries = Object.entries(fields as Table<Record<string, unknown>>);
  return {
    sizeBytes: Math.max(0, ...entries.map(([, { lengthBytes, offset }]) => offset + lengthBytes)),
    fields: entries.map(([name, { lengthBytes, offset }]) => ({ name, offsetBytes: start + offset, lengthBytes, value: plain((value as Record<string, unknown>)[name]) })),
  };
}

function plain(value: unknown): StructureValue {
  if (typeof value === "bigint") return value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= 0n ? Number(value) : String(value);
  if (typeof value === "number") return value;
  if (typeof value === "string") return JSON.stringify(value);
  if (!Buffer.isBuffer(value)) return String(value);
  const text = value.toString("latin1");
  return /^[ -~]+$/.test(text) ? JSON.stringify(text) : value.toString("hex");
}

/** The JSON of LUKS2, and the metadata text of LVM. */
async function writtenAsText(source: Source, type: string): Promise<Structure[]> {
  if (type === "crypto_LUKS") {
    const header = await probeLuks2(source);
    return header === undefined ? [] : [{ name: "LUKS2 metadata", fields: flat(header.metadata) }];
  }
  if (type !== "LVM2_member") return [];
  const { metadata } = (await probeLvm2(source)) ?? {};
  return metadata === undefined ? [] : [{ name: "LVM2 metadata", fields: flat(metadata) }];
}

/** `keyslots.0.kdf.type`, and its value. */
function flat(value: unknown, path = ""): StructureField[] {
  if (value === undefined || value === null) return [];
  const isTree = typeof value === "object" && !Buffer.isBuffer(value);
  if (!isTree) return [{ name: path, value: plain(value) }];
  const below: [string, unknown][] = value instanceof Map ? [...value].map(([key, each]) => [String(key), each]) : Object.entries(value);
  return below.flatMap(([key, each]) => flat(each, path === "" ? key : `${path}.${key}`)).slice(0, MOST_FIELDS);
}
