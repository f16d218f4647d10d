import { describe, expect, test } from "vitest";
import { memorySource } from "../../../src/core/binary/source.ts";
import { isProtectiveMbr, probeMbr } from "../../../src/core/formats/mbr.ts";
import { fixture, fixtureBytes, fixtureJson } from "../../fixtures/fixture.ts";

const LOGICAL = "mbr/logical.img.gz";

interface Sfdisk {
  partitiontable: { id: string; partitions?: { node: string; start: number; size: number; type: string }[] };
}

function expected(path: string) {
  const { id, partitions = [] } = fixtureJson<Sfdisk>(path).partitiontable;
  const uuid = id.replace("0x", "");
  return {
    type: "dos" as const,
    uuid,
    partitions: partitions.map(({ node, start, size, type }) => {
      const number = Number(node.replace("DISK", ""));
      return { number, startBytes: start * 512, sizeBytes: size * 512, partUuid: `${uuid}-0${number}`, typeByte: Number(`0x${type}`) };
    }),
    usedCopy: "primary" as const,
    damage: [],
    logicalBlockBytes: 512,
  };
}

describe("a disk made by sfdisk reads as sfdisk prints it", () => {
  test.each([
    { name: "logical", count: 7, what: "primary and logical partitions" },
    { name: "gap", count: 2, what: "no first and third partition, no disk signature" },
    { name: "empty", count: 0, what: "no partition" },
  ])("$name: $what", async ({ name, count }) => {
    const table = await probeMbr(await fixture(`mbr/${name}.img.gz`), 512);
    expect(table).toEqual(expected(`mbr/${name}.sfdisk.json`));
    expect(table?.partitions).toHaveLength(count);
  });
});

describe("what ends in the MBR's signature and is none", () => {
  test.each(["fat12", "fat32", "exfat", "ntfs"])("a %s filesystem made by its own mkfs", async (name) => {
    expect(await probeMbr(await fixture(`mbr/${name}.img.gz`), 512)).toBeUndefined();
  });

  test("a protective MBR", async () => {
    const disk = await fixture("gpt/three-partitions.img.gz");
    expect(await probeMbr(disk, 512)).toBeUndefined();
    expect(isProtectiveMbr(await disk.read(0, 512))).toBe(true);
  });
});

test.each([
  { field: "signature", flip: 510 },
  { field: "signature", flip: 511 },
  { field: "boot indicator of partition 2", flip: 446 + 16 },
  { field: "boot indicator of an unused entry", flip: 446 + 32 },
])("a changed byte in the $field makes it no MBR", async ({ flip }) => {
  expect(await probeMbr(await fixture(LOGICAL, { flip }), 512)).toBeUndefined();
});

describe("the chain of logical partitions", () => {
  // Partitions made anew in a gap are linked like this; sfdisk numbers them so, too.
  test("may lead backwards, and numbers the partitions in its own order", async () => {
    const disk = fixtureBytes(LOGICAL);
    const link = (record: number): Buffer => disk.subarray(record * 512 + 462, record * 512 + 478);
    const [second, third] = [Buffer.from(link(200)), Buffer.from(link(519))];
    link(200).set(third);
    link(699).set(second);
    link(519).fill(0);
    const table = await probeMbr(memorySource(disk), 512);
    expect(table?.partitions.slice(4).map(({ number, startBytes }) => [number, startBytes / 512])).toEqual([[5, 208], [6, 700], [7, 520]]);
    expect(table?.damage).toEqual([]);
  });

  test("that comes back to its start ends there", async () => {
    const disk = fixtureBytes(LOGICAL);
    disk.writeUInt32LE(0, 200 * 512 + 446 + 16 + 8); // the first record's link leads to itself
    const table = await probeMbr(memorySource(disk), 512);
    expect(table?.partitions.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5]);
    expect(table?.damage).toEqual(["the chain of logical partitions comes back to block 200"]);
  });

  test("that leads out of the disk ends there", async () => {
    const disk = fixtureBytes(LOGICAL);
    disk.writeUInt32LE(0xfffffff0, 200 * 512 + 446 + 16 + 8);
    const table = await probeMbr(memorySource(disk), 512);
    expect(table?.partitions.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5]);
    expect(table?.damage).toEqual([expect.stringMatching(/^the chain of logical partitions ends at block 4294967480: it ends at byte/)]);
  });

  test("that leads to a block without the signature ends there", async () => {
    const table = await probeMbr(await fixture(LOGICAL, { flip: 200 * 512 + 510 }), 512);
    expect(table?.partitions.map(({ number }) => number)).toEqual([1, 2, 3, 4]);
    expect(table?.damage).toEqual(["the chain of logical partitions ends at block 200, which has no signature"]);
  });
});

describe("a disk that was cut short", () => {
  test("loses the partitions behind its end, and one is cut there", async () => {
    const table = await probeMbr(await fixture(LOGICAL, { truncate: 1750 * 512 }), 512);
    const { partitions } = expected("mbr/logical.sfdisk.json");
    expect(table?.partitions).toEqual(partitions.map((p) => (p.number === 4 ? { ...p, sizeBytes: 30 * 512, cutBytes: p.sizeBytes - 30 * 512 } : p)));
    expect(table?.damage).toEqual([`partition 4 ends at byte ${1920 * 512}, the disk at ${1750 * 512}: it was cut there`]);
  });

  test.each([0, 511])("to %d bytes has no MBR", async (truncate) => {
    expect(await probeMbr(await fixture(LOGICAL, { truncate }), 512)).toBeUndefined();
  });

  test("to its first sector keeps the table", async () => {
    expect((await probeMbr(await fixture(LOGICAL, { truncate: 512 }), 512))?.partitions).toEqual([]);
  });
});

test("blocks of 4096 bytes are the unit where the disk has them", async () => {
  const disk = fixtureBytes("mbr/gap.img.gz");
  const table = await probeMbr(memorySource(Buffer.concat([disk, Buffer.alloc(2 * 1024 * 1024)])), 4096);
  expect(table?.partitions[0]).toMatchObject({ number: 2, startBytes: 16 * 4096, sizeBytes: 100 * 4096 });
});
