import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memorySource } from "../../../src/core/binary/source.ts";
import { MkinitrdError } from "../../../src/core/errors.ts";
import { readPartitionTable } from "../../../src/core/volumes/partitions.ts";
import { fixture, fixtureBytes } from "../../fixtures/fixture.ts";

test.each([
  { path: "gpt/three-partitions.img.gz", type: "gpt", count: 3 },
  { path: "mbr/logical.img.gz", type: "dos", count: 7 },
])("$path has a $type table with $count partitions", async ({ path, type, count }) => {
  const table = await readPartitionTable(await fixture(path), 512);
  expect(table?.type).toBe(type);
  expect(table?.partitions).toHaveLength(count);
});

test("an image of a disk with another logical block is read, and that is told", async () => {
  const table = await readPartitionTable(await fixture("gpt/four-k.img.gz"), 512);
  expect(table).toMatchObject({ logicalBlockBytes: 4096, damage: ["the table counts blocks of 4096 bytes, the disk has 512"] });
  expect(table?.partitions).toHaveLength(2);
  const other = await readPartitionTable(await fixture("gpt/three-partitions.img.gz"), 4096);
  expect(other).toMatchObject({ logicalBlockBytes: 512, damage: ["the table counts blocks of 512 bytes, the disk has 4096"] });
});

describe("no table", () => {
  test.each([0, 511, 512, 1 << 20])("in %d zero bytes", async (size) => {
    expect(await readPartitionTable(memorySource(Buffer.alloc(size)), 512)).toBeUndefined();
  });

  test.each(["mbr/fat32.img.gz", "mbr/ntfs.img.gz", "luks1/two-keyslots.img.gz", "luks2/argon2.img.gz"])("in %s", async (path) => {
    expect(await readPartitionTable(await fixture(path), 512)).toBeUndefined();
  });
});

test("a protective MBR with no GPT is an error and not an MBR", async () => {
  const disk = await fixture("gpt/three-partitions.img.gz", { flip: [512, -512] });
  await expect(readPartitionTable(disk, 512)).rejects.toThrow("a protective MBR, and no GPT header");
});

test("a disk that was cut short is an error", async () => {
  const disk = await fixture("gpt/three-partitions.img.gz", { truncate: 4096 });
  await expect(readPartitionTable(disk, 512)).rejects.toThrow("it was cut short");
});

describe("whatever the bytes are", () => {
  /** Either a table whose partitions lie inside the disk, or nothing, or an error of ours. */
  async function readsOrRefuses(bytes: Buffer, blockBytes: number): Promise<void> {
    try {
      const table = await readPartitionTable(memorySource(bytes), blockBytes);
      for (const { startBytes, sizeBytes } of table?.partitions ?? []) {
        expect(startBytes + sizeBytes).toBeLessThanOrEqual(bytes.length);
        expect(sizeBytes).toBeGreaterThan(0);
      }
    } catch (error) {
      expect(error).toBeInstanceOf(MkinitrdError);
    }
  }

  test.each(["gpt/empty.img.gz", "gpt/four-k.img.gz", "mbr/logical.img.gz"])("changed bytes of %s give a table inside the disk or a MkinitrdError", async (path) => {
    const original = fixtureBytes(path);
    const change = fc.tuple(fc.nat(Math.min(original.length, 20_000) - 1), fc.uint8Array({ minLength: 1, maxLength: 8 }));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), fc.nat(original.length), async (changes, cut) => {
        const bytes = Buffer.from(original);
        for (const [at, written] of changes) bytes.set(written.subarray(0, bytes.length - at), at);
        await readsOrRefuses(cut % 2 === 0 ? bytes : bytes.subarray(0, cut), 512);
      }),
      { numRuns: 150 },
    );
  });

  test("random bytes with the signatures in place give a table inside the disk or a MkinitrdError", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 2048, maxLength: 8192 }), fc.boolean(), async (random, gpt) => {
        const bytes = Buffer.from(random);
        bytes.writeUInt16LE(0xaa55, 510);
        for (const entry of [446, 462, 478, 494]) bytes.writeUInt8(0, entry);
        if (gpt) {
          bytes.set([0, 0, 0, 0, 0xee, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0], 446);
          bytes.write("EFI PART", 512);
        }
        await readsOrRefuses(bytes, 512);
      }),
      { numRuns: 200 },
    );
  });
});
