import { readFileSync } from "node:fs";
import type { Source } from "../../src/core/binary/source.ts";
import { openTarget } from "../../src/core/dm/open-target.ts";
import { parseTable } from "../../src/core/dm/table-text.ts";
import type { Target } from "../../src/core/dm/table.ts";
import { readEdges, saying } from "./reading.ts";

/** Opens what the fixtures of test/fixtures/dm hold, told by their names, and reads it: a damaged tree gives bytes or an error. */
export async function readDmMetadata(sources: Source[]): Promise<string> {
  const named = (part: string): Source => sources.find(({ name }) => name.includes(part)) ?? sources[0]!;
  const parse = (line: string, more: object = {}): Target => parseTable(line, (path) => ({ path, source: named(path), ...more }))[0]!.targets[0]!;
  const read = (target: () => Target) => saying(() => readEdges(openTarget(target())));
  const { name } = sources[0]!;
  if (name.includes("thin.")) {
    const pool = parse("0 65536 thin-pool .meta. .data. 128 0");
    const said = [];
    for (const id of [0, 3, 7]) said.push(await read(() => parse(`0 40960 thin .data. ${id}`, { pool })));
    return said.join("\n");
  }
  if (/cache\d/.test(name)) return read(() => parse(`0 8192 cache .meta. .fast. .slow. 64 1 ${name.includes("cache2") ? "metadata2" : "writeback"} smq 0`));
  if (name.includes("writecache")) return read(() => parse("0 2048 writecache s .slow. .fast. 4096 0"));
  if (name.includes("snapshot")) return read(() => parse("0 2048 snapshot .origin. .cow. P 8"));
  return read(() => parse(verityLine(name)));
}

/** The corpora's have no line of the kernel here: their own superblocks are the damage. */
function verityLine(name: string): string {
  const fixture = /verity-[a-z-]+(?=\.)/.exec(name)?.[0] ?? "verity-chromium";
  const line = readFileSync(new URL(`../fixtures/dm/${fixture}.table`, import.meta.url), "utf8").trim();
  return line.replace("/dev/mapper/data", ".data").replace("/dev/mapper/hash", ".hash");
}
