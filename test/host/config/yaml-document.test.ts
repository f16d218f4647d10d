import { expect, test } from "vitest";
import { z } from "zod";
import { MkinitrdError } from "../../../src/core/errors.ts";
import { parseYaml, yamlError } from "../../../src/host/config/yaml-document.ts";

const schema = z.strictObject({
  name: z.string().min(1).optional(),
  compression: z.union([z.enum(["zstd", "none"]), z.strictObject({ format: z.enum(["zstd"]), level: z.int().min(1).max(19) })]).optional(),
  disks: z.array(z.discriminatedUnion("type", [
    z.strictObject({ type: z.literal("gpt"), size: z.string().refine((size) => /^\d+[MG]$/.test(size), "is no size like 4G") }),
    z.strictObject({ type: z.literal("raw"), file: z.string() }),
  ])).optional(),
});

test("a document that fits is its value, and an empty one is an empty mapping", () => {
  expect(parseYaml(schema, "disks:\n  - {type: gpt, size: 4G}\n", "a.yaml")).toEqual({ disks: [{ type: "gpt", size: "4G" }] });
  expect(parseYaml(schema, "# nothing\n", "a.yaml")).toEqual({});
});

test.each([
  { text: "name: x\ncompression: brotli\n", found: 'line 2, column 14: compression is "brotli"; known: zstd, none, a mapping' },
  { text: "compression:\n  format: zstd\n  level: 20\n", found: "line 3, column 10: compression.level is 20; at most 19" },
  { text: "compression: {format: zstd, level: 1e99}\n", found: "line 1, column 36: compression.level is 1e+99; at most 19" },
  { text: "compression: {format: zstd, level: -1e99}\n", found: "line 1, column 36: compression.level is -1e+99; at least 1" },
  { text: "compression:\n  format: zstd\n  level: high\n", found: 'line 3, column 10: compression.level is "high"; must be a number' },
  { text: "compression: {format: zstd}\n", found: "line 1, column 14: compression.level is missing" },
  { text: "name: x\ncompresion: zstd\n", found: 'line 2, column 1: the key "compresion", did you mean compression?; known: name, compression, disks' },
  { text: "disks:\n  - type: gpt\n    size: big\n", found: 'line 3, column 11: disks[0].size is no size like 4G' },
  { text: "disks:\n  - type: gpt\n    size: 4G\n    sise: 4G\n", found: 'line 4, column 5: the key "sise" in disks[0], did you mean size?; known: type, size' },
  { text: "disks:\n  - type: mbr\n", found: 'line 2, column 11: disks[0].type is "mbr"; known: gpt, raw' },
  { text: "disks:\n  - size: 4G\n", found: "line 2, column 5: disks[0].type is missing; known: gpt, raw" },
  { text: "name:\n", found: "line 1, column 6: name is empty; must be a text" },
  { text: "- a\n", found: "line 1, column 1: the file is a list; must be a mapping" },
  { text: "name: ''\n", found: "line 1, column 7: name is empty; at least 1" },
  { text: "name: [1\n", found: /^reading a.yaml on line 2, column 1: Flow sequence/ },
  { text: "name: a\nname: b\n", found: "line 2, column 1: Map keys must be unique" },
  { text: "name: !secret x\n", found: "line 1, column 7: Unresolved tag: !secret" },
  { text: "name: a\n---\nname: b\n", found: "line 2, column 1: a second document begins here; a file has one" },
  { text: "__proto__: 1\n", found: 'line 1, column 1: the key "__proto__"' },
  { text: "name: 1\nx: &a\n  y: 1\ncompression: {<<: 3}\n", found: /line 1, column 7: name is 1; must be a text\n  line 2, column 1: the key "x"/ },
])("$text says $found", ({ text, found }) => {
  expect(() => parseYaml(schema, text, "a.yaml")).toThrow(typeof found === "string" ? `reading a.yaml on ${found}` : found);
});

test("a value that came by an alias is located where it is written", () => {
  const text = "disks:\n  - &one {type: gpt, size: 4G}\n  - *one\n  - &two\n    type: gpt\n    size: big\n";
  expect(() => parseYaml(schema, text, "a.yaml")).toThrow("line 6, column 11: disks[2].size is no size like 4G");
});

test.each([
  { what: "a billion aliases", text: `a: &a [x, x]\n${Array.from({ length: 30 }, (_, i) => `${"b".repeat(i + 1)}: &n${i} [${i === 0 ? "*a, *a" : `*n${i - 1}, *n${i - 1}`}]\n`).join("")}` },
  { what: "an alias of nothing", text: "name: *nobody\n" },
  { what: "an alias of itself", text: "disks: &a [*a]\n" },
  { what: "nesting without end", text: "[".repeat(100_000) },
  { what: "nested mappings without end", text: "{a: ".repeat(100_000) },
  { what: "a gigantic text", text: `name: ${"x".repeat(2 ** 20)}\n` },
  { what: "many wrong keys", text: Array.from({ length: 7000 }, (_, i) => `k${i}: 1\n`).join("") },
  { what: "control characters", text: "na\x00me: \x1b[2J\n" },
])("$what is refused with one short error", ({ text }) => {
  const started = process.cpuUsage();
  let error: unknown;
  try {
    parseYaml(schema, text, "a.yaml");
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(MkinitrdError);
  expect(String(error)).toMatch(/reading (YAML on a\.yaml|a\.yaml on line)/);
  expect(String(error).length).toBeLessThan(2000);
  expect(process.cpuUsage(started).user / 1000).toBeLessThan(5000); // of this process: the machine may be busy
});

test("a later check's error has the place of the value it refuses", () => {
  expect(yamlError("name: x\ndisks:\n  - {type: raw, file: y}\n", "a.yaml", ["disks", 0, "file"], "no such file: y").message)
    .toBe("reading a.yaml on line 3, column 23: no such file: y");
});
