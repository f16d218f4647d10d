import { MkinitrdError } from "../errors.ts";
import { guidFromBytes, guidToBytes, uuidFromBytes, uuidToBytes } from "./guid.ts";

/** One field of a structure: where it lies in it, and what its bytes mean. Made by `u32le(8)` and the like. */
export interface Field<T> {
  /** Bytes from the start of the structure. */
  readonly offset: number;
  readonly lengthBytes: number;
  /** `at` is where the field begins in `buffer`; the caller has checked that it lies inside. */
  decode(buffer: Buffer, at: number): T;
  encode(buffer: Buffer, at: number, value: T): void;
}

/** A structure as its table says it: one table decodes and encodes. */
export interface Struct<T> {
  readonly name: string;
  readonly sizeBytes: number;
  /** The table itself: for the offset of a checksum that is computed with its own bytes as zero. */
  readonly fields: Table<T>;
  /** The structure at `offset` of the buffer. Throws MkinitrdError when the buffer ends before it does. */
  decode(buffer: Buffer, offset?: number): T;
  /** The bytes of the structure; what no field covers is zero. Throws MkinitrdError when a value does not fit. */
  encode(value: T): Buffer;
}

/** The fields of a structure by name, in the order in which they lie. */
export type Table<T> = { readonly [K in keyof T]: Field<T[K]> };

/** What a structure decodes to: `Decoded<typeof gptHeader>`. */
export type Decoded<S> = S extends Struct<infer T> ? T : never;

/** Told of every structure that is decoded: what it is, where in which buffer, and what came of it. */
export type DecodeObserver = (name: string, fields: Table<object>, buffer: Buffer, offset: number, value: object) => void;

let observer: DecodeObserver | undefined;

/** For who shows fields as they lie on a disk. One at a time; undefined ends it. */
export function observeDecoding(next: DecodeObserver | undefined): void {
  observer = next;
}

/**
 * Declares an on-disk structure as the specification's own table: field, offset, width and byte order, in order.
 * A field that reaches past `sizeBytes` is a mistake of the table and throws at once.
 */
export function struct<T extends object>(name: string, sizeBytes: number, fields: Table<T>): Struct<T> {
  const table = Object.entries(fields) as [string, Field<unknown>][];
  for (const [key, field] of table) {
    if (field.offset < 0 || field.offset + field.lengthBytes > sizeBytes) {
      throw new Error(`${name}: the field ${key} reaches past ${sizeBytes} bytes`);
    }
  }
  return {
    name,
    sizeBytes,
    fields,
    decode(buffer, offset = 0) {
      checkInside(name, sizeBytes, buffer, offset);
      const value = Object.fromEntries(table.map(([key, field]) => [key, field.decode(buffer, offset + field.offset)])) as T;
      observer?.(name, fields, buffer, offset, value);
      return value;
    },
    encode(value) {
      const buffer = Buffer.alloc(sizeBytes);
      for (const [key, field] of table) encodeField(name, key, field, buffer, value[key as keyof T]);
      return buffer;
    },
  };
}

function checkInside(name: string, sizeBytes: number, buffer: Buffer, offset: number): void {
  if (Number.isSafeInteger(offset) && offset >= 0 && offset + sizeBytes <= buffer.length) return;
  throw new MkinitrdError({
    tried: `decoding the ${name}`,
    on: `byte ${offset} of ${buffer.length}`,
    found: `it takes ${sizeBytes} bytes`,
  });
}

function encodeField(name: string, key: string, field: Field<unknown>, buffer: Buffer, value: unknown): void {
  try {
    field.encode(buffer, field.offset, value);
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause);
    throw new MkinitrdError({ tried: `encoding the ${name}`, on: `the field ${key}`, found, cause });
  }
}

/** An unsigned byte. */
export const u8 = (offset: number): Field<number> => ({
  offset,
  lengthBytes: 1,
  decode: (buffer, at) => buffer.readUInt8(at),
  encode: (buffer, at, value) => void buffer.writeUInt8(value, at),
});

/** 16 bits, least significant byte first. */
export const u16le = (offset: number): Field<number> => ({
  offset,
  lengthBytes: 2,
  decode: (buffer, at) => buffer.readUInt16LE(at),
  encode: (buffer, at, value) => void buffer.writeUInt16LE(value, at),
});

/** 16 bits, most significant byte first. */
export const u16be = (offset: number): Field<number> => ({
  offset,
  lengthBytes: 2,
  decode: (buffer, at) => buffer.readUInt16BE(at),
  encode: (buffer, at, value) => void buffer.writeUInt16BE(value, at),
});

/** 32 bits, least significant byte first. */
export const u32le = (offset: number): Field<number> => ({
  offset,
  lengthBytes: 4,
  decode: (buffer, at) => buffer.readUInt32LE(at),
  encode: (buffer, at, value) => void buffer.writeUInt32LE(value, at),
});

/** 32 bits, most significant byte first. */
export const u32be = (offset: number): Field<number> => ({
  offset,
  lengthBytes: 4,
  decode: (buffer, at) => buffer.readUInt32BE(at),
  encode: (buffer, at, value) => void buffer.writeUInt32BE(value, at),
});

/** 64 bits, least significant byte first, as bigint: see `toNumber`. */
export const u64le = (offset: number): Field<bigint> => ({
  offset,
  lengthBytes: 8,
  decode: (buffer, at) => buffer.readBigUInt64LE(at),
  encode: (buffer, at, value) => void buffer.writeBigUInt64LE(value, at),
});

/** 64 bits, most significant byte first, as bigint: see `toNumber`. */
export const u64be = (offset: number): Field<bigint> => ({
  offset,
  lengthBytes: 8,
  decode: (buffer, at) => buffer.readBigUInt64BE(at),
  encode: (buffer, at, value) => void buffer.writeBigUInt64BE(value, at),
});

/** Bytes as they are, copied. */
export const bytes = (offset: number, lengthBytes: number): Field<Buffer> => ({
  offset,
  lengthBytes,
  decode: (buffer, at) => Buffer.from(buffer.subarray(at, at + lengthBytes)),
  encode(buffer, at, value) {
    if (value.length !== lengthBytes) throw new RangeError(`${value.length} bytes, the field has ${lengthBytes}`);
    buffer.set(value, at);
  },
});

/** One character a byte (so that a signature like `LUKS\xba\xbe` compares), up to the first zero byte. */
export const ascii = (offset: number, lengthBytes: number): Field<string> => text(offset, lengthBytes, "latin1");

/** UTF-8 text up to the first zero byte: labels. Malformed bytes become U+FFFD. */
export const utf8 = (offset: number, lengthBytes: number): Field<string> => text(offset, lengthBytes, "utf8");

/** UTF-16LE text up to the first zero code unit: GPT partition names. `lengthBytes` is even. */
export const utf16le = (offset: number, lengthBytes: number): Field<string> => text(offset, lengthBytes, "utf16le");

/** A GUID in UEFI's mixed byte order, as lower-case text. UEFI 2.10, appendix A. */
export const guid = (offset: number): Field<string> => ({
  offset,
  lengthBytes: 16,
  decode: (buffer, at) => guidFromBytes(buffer.subarray(at, at + 16)),
  encode: (buffer, at, value) => buffer.set(guidToBytes(value), at),
});

/** A UUID whose bytes are in the order of its text, as lower-case text. RFC 9562, section 4. */
export const uuid = (offset: number): Field<string> => ({
  offset,
  lengthBytes: 16,
  decode: (buffer, at) => uuidFromBytes(buffer.subarray(at, at + 16)),
  encode: (buffer, at, value) => buffer.set(uuidToBytes(value), at),
});

/** A 64-bit field as a number, in one checked step. `what` names it in the error: `first LBA of partition 3`. */
export function toNumber(value: bigint, what: string): number {
  if (value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  throw new MkinitrdError({
    tried: "reading a 64-bit number",
    on: what,
    found: `${value}, which no disk has room for`,
  });
}

function text(offset: number, lengthBytes: number, encoding: "latin1" | "utf8" | "utf16le"): Field<string> {
  return {
    offset,
    lengthBytes,
    decode: (buffer, at) => untilZero(buffer.toString(encoding, at, at + lengthBytes)),
    encode(buffer, at, value) {
      const encoded = Buffer.from(value, encoding);
      if (encoded.length > lengthBytes) throw new RangeError(`${encoded.length} bytes of text, the field has ${lengthBytes}`);
      buffer.set(encoded, at);
    },
  };
}

function untilZero(value: string): string {
  const end = value.indexOf("\0");
  return end === -1 ? value : value.slice(0, end);
}
