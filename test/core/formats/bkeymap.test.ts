import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { decodeBkeymap, isBkeymap } from "../../../src/core/formats/bkeymap.ts";
import { fixtureBytes } from "../../fixtures/fixture.ts";

const SMALL = "keymaps/small.bmap.gz";
const FLAGS = 7;
const TABLES = FLAGS + 256;

test("the keysyms are those that loadkeys writes for the kernel, which flips 0xf000", () => {
  const text = readFileSync(new URL("../../fixtures/keymaps/small.mktable.txt", import.meta.url), "utf8");
  const tables = text.split(/^.*short \w+_map.*$/m).slice(1).map((table) => (table.match(/0x[0-9a-f]{4}/g) ?? []).map((value) => Number(value) ^ 0xf000));
  const keymap = decodeBkeymap(fixtureBytes(SMALL), "small");
  expect([...keymap.keys()]).toEqual([0, 1, 2, 4]); // plain, Shift, AltGr, Ctrl
  expect([...keymap.values()].map((table) => [...table])).toEqual(tables);
});

test.each([
  { what: "the magic", at: 6, value: 0x71, found: /it does not begin with bkeymap/ },
  { what: "a flag", at: FLAGS + 3, value: 2, found: /the flag of table 3 is 2; known: 0, 1/ },
  { what: "the first flag", at: FLAGS, value: 0, found: /there is no table for keys without a modifier/ },
  { what: "a flag without its table", at: FLAGS + 8, value: 1, found: /1287 bytes; with 5 tables they are 1543/ },
])("a changed byte in $what is refused", ({ at, value, found }) => {
  const bytes = fixtureBytes(SMALL);
  bytes[at] = value;
  expect(() => decodeBkeymap(bytes, "small")).toThrow(found);
});

test.each([0, 6, 7, TABLES - 1, TABLES, 1286])("a keymap that is cut after %i bytes is refused", (length) => {
  expect(() => decodeBkeymap(fixtureBytes(SMALL).subarray(0, length), "small")).toThrow("reading the binary keymap on small");
});

test("bytes behind the last table are refused", () => {
  expect(() => decodeBkeymap(Buffer.concat([fixtureBytes(SMALL), Buffer.alloc(1)]), "small")).toThrow("1288 bytes; with 4 tables they are 1287");
});

test("a keymap's text is no binary keymap", () => {
  expect(isBkeymap(readFileSync(new URL("../../fixtures/keymaps/small.map", import.meta.url)))).toBe(false);
});
