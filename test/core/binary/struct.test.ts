import { describe, expect, expectTypeOf, test } from "vitest";
import { ascii, bytes, guid, struct, toNumber, u16be, u16le, u32be, u32le, u64be, u64le, u8, utf16le, utf8, uuid } from "../../../src/core/binary/struct.ts";
import type { Decoded } from "../../../src/core/binary/struct.ts";
import { MkinitrdError } from "../../../src/core/errors.ts";

const sample = struct("sample", 100, {
  signature: ascii(0, 6),
  flags: u8(6),
  little: u16le(8),
  big: u16be(10),
  little32: u32le(12),
  big32: u32be(16),
  little64: u64le(20),
  big64: u64be(28),
  digest: bytes(36, 4),
  guid: guid(40),
  uuid: uuid(56),
  label: utf8(72, 12),
  name: utf16le(84, 16),
});

const value: Decoded<typeof sample> = {
  signature: "SKUL\xba\xbe",
  flags: 0xfe,
  little: 0x1234,
  big: 0x1234,
  little32: 0xdeadbeef,
  big32: 0xdeadbeef,
  little64: 0xfedcba9876543210n,
  big64: 0xfedcba9876543210n,
  digest: Buffer.from([1, 2, 3, 4]),
  guid: "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
  uuid: "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
  label: "größe",
  name: "Root ö",
};

test("what a table encodes it decodes to the same value", () => {
  expect(sample.decode(sample.encode(value))).toEqual(value);
});

test("each field lies at its offset in its byte order", () => {
  const encoded = sample.encode(value);
  expect(encoded.toString("hex", 0, 7)).toBe("534b554cbabefe");
  expect(encoded.toString("hex", 8, 20)).toBe("34121234efbeaddedeadbeef");
  expect(encoded.toString("hex", 20, 36)).toBe("1032547698badcfefedcba9876543210");
  // The EFI system partition's type as `sgdisk` writes it: three groups swapped, two in order.
  expect(encoded.toString("hex", 40, 56)).toBe("28732ac11ff8d211ba4b00a0c93ec93b");
  expect(encoded.toString("hex", 56, 72)).toBe("c12a7328f81f11d2ba4b00a0c93ec93b");
});

test("a structure decodes from the middle of a buffer", () => {
  const padded = Buffer.concat([Buffer.alloc(3), sample.encode(value), Buffer.alloc(1)]);
  expect(sample.decode(padded, 3)).toEqual(value);
});

test("the type of a decoded value follows its table", () => {
  expectTypeOf(value.little64).toEqualTypeOf<bigint>();
  expectTypeOf(value.flags).toEqualTypeOf<number>();
  expectTypeOf(value.digest).toEqualTypeOf<Buffer>();
  expectTypeOf(value.guid).toEqualTypeOf<string>();
});

describe("bounds", () => {
  test.each([{ offset: 1 }, { offset: -1 }, { offset: 0.5 }, { offset: Number.NaN }, { offset: 2 ** 53 }])(
    "decoding at byte $offset of a buffer that is too short is refused",
    ({ offset }) => {
      expect(() => sample.decode(Buffer.alloc(100), offset)).toThrow(MkinitrdError);
    },
  );

  test("the error names the structure and both sizes", () => {
    expect(() => sample.decode(Buffer.alloc(99))).toThrow("decoding the sample on byte 0 of 99: it takes 100 bytes");
  });

  test.each([
    { field: "flags", change: { flags: 256 } },
    { field: "label", change: { label: "thirteen chars" } },
    { field: "digest", change: { digest: Buffer.alloc(5) } },
    { field: "guid", change: { guid: "c12a7328" } },
    { field: "little64", change: { little64: -1n } },
  ])("encoding a value that does not fit $field is refused", ({ field, change }) => {
    expect(() => sample.encode({ ...value, ...change })).toThrow(`encoding the sample on the field ${field}`);
  });

  test("a table whose field reaches past its end is a mistake", () => {
    expect(() => struct("short", 7, { field: u64le(0) })).toThrow("short: the field field reaches past 7 bytes");
  });
});

test("text ends at its first zero", () => {
  const table = struct("text", 8, { text: ascii(0, 8) });
  expect(table.decode(Buffer.from("ab\0cdefg")).text).toBe("ab");
  expect(table.decode(Buffer.from("abcdefgh")).text).toBe("abcdefgh");
});

test("a 64-bit number becomes a number only when it is exact", () => {
  expect(toNumber(2n ** 53n - 1n, "size")).toBe(2 ** 53 - 1);
  expect(() => toNumber(2n ** 53n, "last LBA")).toThrow("reading a 64-bit number on last LBA: 9007199254740992");
});
