import { createCipheriv, createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { memorySource } from "../../../src/core/binary/source.ts";
import type { Source } from "../../../src/core/binary/source.ts";
import { openTarget } from "../../../src/core/dm/open-target.ts";
import { openTable } from "../../../src/core/dm/table.ts";
import { parseTable, tableLines } from "../../../src/core/dm/table-text.ts";

const text = (name: string) => readFileSync(new URL(`../../fixtures/dm/${name}`, import.meta.url), "utf8").trim().split("\n");
const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

/** The devices that test/fixtures/dm/make.sh has made the tables over, and their numbers there. */
const noise = createCipheriv("aes-128-ctr", Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(3584 * 512));
const devices = new Map<string, Source>();
for (const [index, line] of text("tables.devices").entries()) {
  const [name, number] = line.split(" ") as [string, string];
  const source = memorySource(noise.subarray(index * 512 * 512, (index + 1) * 512 * 512), name);
  devices.set(`/dev/mapper/${name}`, source).set(number, source);
}
const resolve = (path: string) => (devices.has(path) ? { path, source: devices.get(path)! } : undefined);

const rows = text("tables.sha256").map((line, index) => ({ given: text("tables.txt")[index]!, sum: line.slice(0, 64), printed: line.slice(65) }));

describe("what the kernel read of tables over noise", () => {
  test.each(rows.map((row) => ({ ...row, title: row.given.replace(/\b[0-9a-f]{32,}\b/g, "KEY").replaceAll("/dev/mapper/", "") })))("$title", async ({ given, printed, sum }) => {
    const [table] = parseTable(given, resolve);
    const source = openTable("t", table!.targets, openTarget);
    const whole = await source.read(0, source.sizeBytes);
    expect(sha256(whole)).toBe(sum);
    // Parts of it are the same as the whole.
    for (const [from, length] of [[0, 1], [511, 2], [4000, 9000], [8191, 70_000], [source.sizeBytes - 700, 700]] as const) {
      if (from >= 0 && from + length <= source.sizeBytes) expect((await source.read(from, length)).equals(whole.subarray(from, from + length))).toBe(true);
    }
    await source.close?.();

    const [again] = parseTable(printed, resolve);
    expect(tableLines(again!.targets, { showKeys: true })).toEqual([printed.trim()]);
  });
});
