import { crc32 } from "node:zlib";
import { describe, expect, test } from "vitest";
import { memorySource } from "../../../src/core/binary/source.ts";
import type { Source } from "../../../src/core/binary/source.ts";
import { gptEntry, gptHeader, probeGpt } from "../../../src/core/formats/gpt.ts";
import type { Partition } from "../../../src/core/formats/partition-table.ts";
import { fixture, fixtureBytes, fixtureJson } from "../../fixtures/fixture.ts";

const THREE = "gpt/three-partitions.img.gz";
const LAST = 2 * 1024 * 1024 - 512; // the backup header of that disk

/** `sfdisk --json`, in the terms of our Partition. */
interface Sfdisk {
  partitiontable: {
    id: string;
    sectorsize: number;
    partitions?: { node: string; start: number; size: number; type: string; uuid: string; name?: string }[];
  };
}

function expected(path: string): { uuid: string; logicalBlockBytes: number; partitions: Partition[] } {
  const { id, sectorsize, partitions = [] } = fixtureJson<Sfdisk>(path).partitiontable;
  return {
    uuid: id.toLowerCase(),
    logicalBlockBytes: sectorsize,
    partitions: partitions.map(({ node, start, size, type, uuid, name }) => ({
      number: Number(node.replace("DISKp", "")),
      startBytes: start * sectorsize,
      sizeBytes: size * sectorsize,
      partUuid: uuid.toLowerCase(),
      ...(name === undefined ? {} : { partLabel: name }),
      typeGuid: type.toLowerCase(),
    })),
  };
}

describe("a disk made by sgdisk reads as sfdisk prints it", () => {
  test.each([
    { name: "three-partitions", count: 3, blockBytes: 512 },
    { name: "empty", count: 0, blockBytes: 512 },
    { name: "full-table", count: 128, blockBytes: 512 },
    { name: "four-k", count: 2, blockBytes: 4096 },
  ])("$name: $count partitions, blocks of $blockBytes bytes", async ({ name, count, blockBytes }) => {
    const table = await probeGpt(await fixture(`gpt/${name}.img.gz`), blockBytes);
    expect(table).toEqual({ type: "gpt", usedCopy: "primary", damage: [], ...expected(`gpt/${name}.sfdisk.json`) });
    expect(table?.partitions).toHaveLength(count);
  });
});

test("counted in the wrong block there is no GPT", async () => {
  expect(await probeGpt(await fixture(THREE), 4096)).toBeUndefined();
  expect(await probeGpt(await fixture("gpt/four-k.img.gz"), 512)).toBeUndefined();
});

const CASES = [
  { field: "signature", byte: 0, found: /it has no signature/ },
  { field: "revision", byte: 8, found: /header CRC is 0x/ },
  { field: "headerSize", byte: 13, found: /header size is 65372 bytes, it must be 92 to 512/ },
  { field: "headerCrc32", byte: 16, found: /header CRC is 0x/ },
  { field: "myLba", byte: 24, found: /header CRC is 0x/ },
  { field: "firstUsableLba", byte: 40, found: /header CRC is 0x/ },
  { field: "lastUsableLba", byte: 48, found: /header CRC is 0x/ },
  { field: "diskGuid", byte: 56, found: /header CRC is 0x/ },
  { field: "entriesLba", byte: 72, found: /header CRC is 0x/ },
  { field: "entryCount", byte: 80, found: /header CRC is 0x/ },
  { field: "entrySize", byte: 84, found: /header CRC is 0x/ },
  { field: "entriesCrc32", byte: 88, found: /header CRC is 0x/ },
  { field: "the first partition's type", byte: 512, found: /their CRC is 0x[0-9a-f]{8}, the header says 0x/ },
  { field: "the last entry's name", byte: 512 + 128 * 128 - 1, found: /their CRC is 0x/ },
];

describe("one changed byte of the primary copy makes the backup the one that is used", () => {
  test.each(CASES)("$field", async ({ byte, found }) => {
    const table = await probeGpt(await fixture(THREE, { flip: 512 + byte }), 512);
    expect(table).toMatchObject({ usedCopy: "backup", ...expected("gpt/three-partitions.sfdisk.json") });
    expect(table?.damage).toEqual([expect.stringMatching(found)]);
    expect(table?.damage[0]).toMatch(/^primary header damaged, the backup was used: /);
  });
});

test("a damaged backup is told, and the primary used", async () => {
  const table = await probeGpt(await fixture(THREE, { flip: LAST + 40 }), 512);
  expect(table).toMatchObject({ usedCopy: "primary", ...expected("gpt/three-partitions.sfdisk.json") });
  expect(table?.damage).toEqual([expect.stringMatching(/^backup header damaged: header CRC is/)]);
});

describe("with both copies damaged there is an error that names the primary's", () => {
  test.each(CASES.slice(1, 12))("$field", async ({ byte, found }) => {
    const disk = await fixture(THREE, { flip: [512 + byte, LAST + 8] });
    await expect(probeGpt(disk, 512)).rejects.toThrow(found);
    await expect(probeGpt(disk, 512)).rejects.toThrow("reading the GPT header on three-partitions.img at byte 512: ");
  });
});

test("without the signature of a protective MBR there is no GPT", async () => {
  expect(await probeGpt(await fixture(THREE, { flip: 510 }), 512)).toBeUndefined();
  expect(await probeGpt(await fixture(THREE, { flip: 450 }), 512)).toBeUndefined();
});

describe("edges", () => {
  test("a disk that was cut short says so", async () => {
    const disk = await fixture(THREE, { truncate: 1024 * 1024 });
    await expect(probeGpt(disk, 512)).rejects.toThrow("last usable block is 4062, the disk ends at block 2047: it was cut short");
  });

  test.each([0, 512, 1024, 1535])("a file of %d bytes has no GPT", async (truncate) => {
    expect(await probeGpt(await fixture(THREE, { truncate }), 512)).toBeUndefined();
  });

  test("a disk that grew keeps both copies, and that is told", async () => {
    const grown = memorySource(Buffer.concat([fixtureBytes(THREE), Buffer.alloc(512 * 100)]));
    const table = await probeGpt(grown, 512);
    expect(table).toMatchObject({ usedCopy: "primary", damage: ["the backup is in block 4095, the disk ends at block 4195"] });
  });
});

describe("what a valid checksum does not make right", () => {
  test.each([
    { what: "entries of 100 bytes", change: { entrySize: 100 }, found: /entry size is 100 bytes/ },
    { what: "entries of 129 bytes", change: { entrySize: 129 }, found: /entry size is 129 bytes/ },
    { what: "no entries", change: { entryCount: 0 }, found: /0 entries of 128 bytes/ },
    { what: "8 GiB of entries", change: { entryCount: 0x04000000 }, found: /67108864 entries of 128 bytes/ },
    { what: "entries behind the end", change: { entriesLba: 4090n }, found: /it ends at byte 2097152/ },
    { what: "entries at a place that no number holds", change: { entriesLba: 2n ** 63n }, found: /9223372036854775808, which no disk has room for/ },
    { what: "another block as its own", change: { myLba: 2n }, found: /says that it is in block 2, it is in block 1/ },
    { what: "usable blocks backwards", change: { firstUsableLba: 4063n }, found: /usable blocks are 4063 to 4062/ },
    { what: "usable blocks around the header", change: { firstUsableLba: 0n }, found: /the header lies among the usable blocks/ },
  ])("$what", async ({ change, found }) => {
    const table = await probeGpt(rewrite((header) => ({ ...header, ...change })), 512);
    const [damage] = table?.damage ?? [];
    expect(table?.usedCopy).toBe("backup");
    expect(damage).toMatch(/^primary header damaged/);
    expect(damage).toMatch(found);
  });

  test("entries of 256 bytes are read by the header's own measure", async () => {
    const disk = rewrite((header) => ({ ...header, entrySize: 256, entryCount: 64 }));
    expect((await probeGpt(disk, 512))?.partitions.map(({ number }) => number)).toEqual([1, 3]); // the first and third of 128
  });

  test.each([
    { what: "before the usable blocks", change: { firstLba: 33n } },
    { what: "behind them", change: { lastLba: 4063n } },
    { what: "backwards", change: { firstLba: 2000n, lastLba: 1999n } },
    { what: "over 2^63", change: { firstLba: 2n ** 63n, lastLba: 2n ** 64n - 1n } },
  ])("a partition $what is left out, and told", async ({ change }) => {
    const table = await probeGpt(rewrite((header) => header, change), 512);
    expect(table?.partitions.map(({ number }) => number)).toEqual([2, 5]);
    expect(table?.damage).toContainEqual(expect.stringMatching(/^partition 1 has blocks .* it was left out$/));
  });
});

/** The disk of three partitions with another primary header and first entry, and checksums that fit. */
function rewrite(
  change: (header: ReturnType<typeof gptHeader.decode>) => ReturnType<typeof gptHeader.decode>,
  entry: Partial<ReturnType<typeof gptEntry.decode>> = {},
): Source {
  const disk = fixtureBytes(THREE);
  disk.set(gptEntry.encode({ ...gptEntry.decode(disk, 1024), ...entry }), 1024);
  const entriesCrc32 = crc32(disk.subarray(1024, 1024 + 128 * 128));
  const header = change({ ...gptHeader.decode(disk, 512), entriesCrc32, headerCrc32: 0 });
  disk.set(gptHeader.encode({ ...header, headerCrc32: crc32(gptHeader.encode(header)) }), 512);
  return memorySource(disk, "three-partitions.img");
}
