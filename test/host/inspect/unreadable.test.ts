import { expect, test } from "vitest";
import { describeRange, foldRanges, noteRange, type Unreadable } from "../../../src/host/inspect/unreadable.ts";

const range = (startBytes: number, lengthBytes = 4096): Unreadable => ({ startBytes, lengthBytes, why: "why" });
const even = (from: number, count: number, step: number) => Array.from({ length: count }, (_, index) => range(from + index * step));

test("eight at even distances are one entry, seven are not; what stands between is kept in its place", () => {
  expect(foldRanges(even(0, 7, 8192))).toEqual(even(0, 7, 8192));
  const list = [range(0, 512), ...even(8192, 9, 8192), range(100_000), ...even(200_000, 8, 16_384), range(900_000, 1)];
  expect(foldRanges(list)).toEqual([range(0, 512), { ...range(8192), times: 9, everyBytes: 8192 }, range(100_000), { ...range(200_000), times: 8, everyBytes: 16_384 }, range(900_000, 1)]);
  expect(foldRanges(foldRanges(list))).toEqual(foldRanges(list));
});

test("an entry of many goes on where the next one comes at its distance", () => {
  expect(foldRanges([{ ...range(0), times: 9, everyBytes: 8192 }, ...even(9 * 8192, 3, 8192)])).toEqual([{ ...range(0), times: 12, everyBytes: 8192 }]);
});

test("ranges that touch are one; more than a person reads are an error", () => {
  const list: Unreadable[] = [];
  for (const start of [0, 4096, 12_288]) noteRange(list, range(start));
  expect(list).toEqual([range(0, 8192), range(12_288)]);
  expect(() => { for (let index = 0; index < 10_001; index++) noteRange(list, range(20_000 + index * index * 8192)); }).toThrow(/more than 10000 ranges that can't be read/);
});

test("an entry says where, how often and why", () => {
  expect(describeRange(range(4096))).toBe("zeros at bytes 4096 to 8191: why");
  expect(describeRange({ ...range(4096), times: 12, everyBytes: 8192 })).toBe("zeros at bytes 4096 to 8191, and so on every 8192 bytes, 12 times in all: why");
});
