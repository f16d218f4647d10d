import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { memorySource } from "../../../src/core/binary/source.ts";
import { parseTable, tableLines } from "../../../src/core/dm/table-text.ts";

test("the tables of docs/targets.md are read and printed as they stand, each with a target that is known", () => {
  const [, example] = /```\n([^`]+)```/.exec(readFileSync(new URL("../../../docs/targets.md", import.meta.url), "utf8"))!;
  const tables = parseTable(example!, (path) => ({ path, source: memorySource(Buffer.alloc(0), path) }));
  expect(tables.flatMap(({ name, targets }) => tableLines(targets, { name: name! })).join("\n")).toBe(example!.trim());
  expect(tables.flatMap(({ targets }) => targets.map(({ type }) => type))).not.toContain("other");
});
