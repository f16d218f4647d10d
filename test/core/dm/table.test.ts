import { expect, test } from "vitest";
import { memorySource } from "../../../src/core/binary/source.ts";
import type { Device } from "../../../src/core/dm/device.ts";
import { linearLine, openLinear } from "../../../src/core/dm/linear.ts";
import { openStriped, stripedLine } from "../../../src/core/dm/striped.ts";
import { openTable } from "../../../src/core/dm/table.ts";
import { tableLines } from "../../../src/core/dm/table-text.ts";
import type { Target } from "../../../src/core/dm/table.ts";

/** A device each of whose sectors is filled with its number, from `first` on. */
function device(path: string, sectors: number, first: number): Device {
  return { path, source: memorySource(Buffer.concat(Array.from({ length: sectors }, (_, n) => Buffer.alloc(512, first + n))), path) };
}

const sectorsOf = (bytes: Buffer) => Array.from({ length: bytes.length / 512 }, (_, n) => bytes[n * 512]);

const a = device("/dev/vda", 16, 0);
const b = device("/dev/vdb", 16, 100);

const linear: Target = { type: "linear", startSector: 0, lengthSectors: 3, device: a, deviceSector: 5 };
const striped: Target = {
  type: "striped",
  startSector: 3,
  lengthSectors: 8,
  chunkSectors: 2,
  stripes: [{ device: b, deviceSector: 1 }, { device: a, deviceSector: 8 }],
};

test("a linear target has the kernel's line, and the device's sectors from its place on", async () => {
  expect(linearLine(linear)).toBe("0 3 linear /dev/vda 5");
  const source = openLinear(linear);
  expect(sectorsOf(await source.read(0, source.sizeBytes))).toEqual([5, 6, 7]);
});

test("a striped target has the kernel's line, and goes round its stripes chunk by chunk", async () => {
  expect(stripedLine(striped)).toBe("3 8 striped 2 2 /dev/vdb 1 /dev/vda 8");
  const source = openStriped(striped);
  expect(sectorsOf(await source.read(0, source.sizeBytes))).toEqual([101, 102, 8, 9, 103, 104, 10, 11]);
});

test("any range of a table is the same as that part of the whole", async () => {
  const source = openTable("vg/lv", [linear, striped]);
  const whole = await source.read(0, source.sizeBytes);
  expect(source.sizeBytes).toBe(11 * 512);
  expect(sectorsOf(whole)).toEqual([5, 6, 7, 101, 102, 8, 9, 103, 104, 10, 11]);
  for (let start = 0; start <= 11 * 512; start += 200) {
    for (let length = 0; start + length <= 11 * 512; length += 333) {
      expect((await source.read(start, length)).equals(whole.subarray(start, start + length))).toBe(true);
    }
  }
});

test("a table has one line for each target", () => {
  expect(tableLines([linear, striped])).toEqual(["0 3 linear /dev/vda 5", "3 8 striped 2 2 /dev/vdb 1 /dev/vda 8"]);
});

test.each([
  { what: "a gap", targets: [{ ...linear, startSector: 1 }], found: /a target of 3 sectors begins at 1, 0 was next/ },
  { what: "an overlap", targets: [linear, { ...linear, startSector: 2 }], found: /begins at 2, 3 was next/ },
  { what: "an empty target", targets: [{ ...linear, lengthSectors: 0 }], found: /a target of 0 sectors/ },
  { what: "a device that is too short", targets: [{ ...linear, deviceSector: 14 }], found: /\/dev\/vda: it ends at byte 8192/ },
  { what: "a stripe that is too short", targets: [linear, { ...striped, lengthSectors: 20 }], found: /\/dev\/vda: it ends at byte 8192/ },
  { what: "a length that is no whole chunks", targets: [linear, { ...striped, lengthSectors: 6 }], found: /6 sectors in chunks of 2 on 2 stripes/ },
  { what: "no stripes", targets: [linear, { ...striped, stripes: [] }], found: /in chunks of 2 on 0 stripes/ },
])("$what is refused when the table is opened", ({ targets, found }) => {
  expect(() => openTable("vg/lv", targets as Target[])).toThrow(found);
});

test("a read beyond the end is refused", async () => {
  const source = openTable("vg/lv", [linear]);
  await expect(source.read(512, 3 * 512)).rejects.toThrow(/vg\/lv: it ends at byte 1536/);
  await expect(openStriped(striped as Target & { type: "striped" }).read(-1, 1)).rejects.toThrow(/it ends at byte/);
});
