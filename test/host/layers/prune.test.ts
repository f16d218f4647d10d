import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pruneBuilt } from "../../../src/host/layers/prune.ts";

const DAY = 24 * 60 * 60;
const layer = (digit: string) => `${digit.repeat(64)}.cpio`;

test("unused layers, snapshots and scripts, and abandoned temporary files go, everything else stays", () => {
  const directory = mkdtempSync(join(tmpdir(), "prune-"));
  const now = Date.now() / 1000;
  const ages = {
    [layer("a")]: 1, [`${layer("a")}.size`]: 90,
    [layer("b")]: 31, [`${layer("b")}.size`]: 31,
    [`${layer("c")}.123.0`]: 2, [`${layer("d")}.123.0`]: 0.5,
    [`${"e".repeat(32)}.blob`]: 31, [`${"e".repeat(32)}.blob.crc32`]: 31, [`${"f".repeat(32)}.blob`]: 1, [`${"f".repeat(32)}.blob.crc32`]: 90, ".new-abc": 2,
    [`${"1".repeat(32)}.json`]: 31, [`${"2".repeat(32)}.json`]: 29, [`${"3".repeat(32)}.json.77`]: 2,
    "files.json": 90, "notes.txt": 90,
  };
  for (const [name, days] of Object.entries(ages)) {
    writeFileSync(join(directory, name), "");
    utimesSync(join(directory, name), now - days * DAY, now - days * DAY);
  }
  pruneBuilt(directory);
  expect(readdirSync(directory).sort()).toEqual([layer("a"), `${layer("a")}.size`, `${layer("d")}.123.0`, `${"f".repeat(32)}.blob`, `${"f".repeat(32)}.blob.crc32`, `${"2".repeat(32)}.json`, "files.json", "notes.txt"].sort());
  rmSync(directory, { recursive: true });
  expect(() => pruneBuilt(directory)).not.toThrow();
});
