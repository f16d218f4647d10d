import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { findProgram } from "../../../tools/packages.js";
import { ARCHITECTURES } from "../../../src/host/architecture.ts";
import { exec } from "../../../src/host/exec.ts";
import { fetchedRuntime } from "../../../src/host/layers/prepare-runtime.ts";
import { trimNode } from "../../../src/host/layers/runtime-trim.ts";

const NODE = fetchedRuntime(ARCHITECTURES.aarch64);
const isMissing = !existsSync(NODE) || findProgram("readelf") === undefined;

/** Offset, address, sizes in file and memory, and alignment of each loaded segment, as readelf has them. */
async function loads(file: string): Promise<number[][]> {
  const { stdout } = await exec("readelf", ["--wide", "--segments", file]);
  return [...stdout.matchAll(/^ +LOAD +(\w+) (\w+) \w+ (\w+) (\w+) .*(0x\w+)$/gm)].map(([, ...fields]) => fields.map(Number));
}

test.skipIf(isMissing)("Node for arm64 keeps segments that lie as pages of 64 KiB want them (skipped without readelf, or that Node: npm run runtime -- arm64)", async () => {
  const folder = mkdtempSync(join(tmpdir(), "trim-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const trimmed = join(folder, "node");
  const original = readFileSync(NODE);
  writeFileSync(trimmed, await trimNode(original));
  const segments = await loads(trimmed);
  expect(segments.length).toBeGreaterThan((await loads(NODE)).length); // those with holes are in pieces
  for (const [offset = 0, address = 0, , , align] of segments) {
    expect(align).toBe(0x10000);
    expect(address % 0x10000).toBe(offset % 0x10000);
  }
  const end = ([, address = 0, , memory = 0]: number[]) => address + memory;
  for (const [index, segment] of segments.slice(1).entries()) expect(segment[1]).toBeGreaterThanOrEqual(end(segments[index]!));
  expect(readFileSync(trimmed).length).toBeLessThan(original.length * 0.55);
});
