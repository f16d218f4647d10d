import { expect, test } from "vitest";
import { nearest } from "../../src/core/nearest.ts";

test.each([
  { word: "compresion", known: ["modules", "compression"], meant: "compression" },
  { word: "loacl", known: ["lvm", "local", "crypt"], meant: "local" },
  { word: "LOCAL", known: ["local"], meant: "local" },
  { word: "zfs", known: ["lvm", "local", "crypt"], meant: undefined },
  { word: "x", known: [], meant: undefined },
  { word: "l".repeat(65), known: ["l".repeat(66)], meant: undefined },
])("$word means $meant", ({ word, known, meant }) => {
  expect(nearest(word, known)).toBe(meant);
});
