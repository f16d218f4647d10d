import { expect, test } from "vitest";
import { memorySource } from "../../../src/core/binary/source.ts";
import { probeExt } from "../../../src/core/formats/ext.ts";
import { asContent, blkidFacts } from "../../fixtures/blkid.ts";
import { fixture } from "../../fixtures/fixture.ts";

const MIB = 1024 * 1024;

test.each([
  { name: "ext2", sizeBytes: MIB },
  { name: "ext3", sizeBytes: 2 * MIB },
  { name: "ext4", sizeBytes: 2 * MIB },
  { name: "ext4-4k", sizeBytes: 2 * MIB },
  { name: "ext4-seed", sizeBytes: 2 * MIB },
  { name: "jbd", sizeBytes: 2 * MIB },
])("$name reads as blkid prints it", async ({ name, sizeBytes }) => {
  const content = await probeExt(await fixture(`fs/${name}.img.gz`));
  expect(content).toEqual({ ...asContent(blkidFacts(`fs/${name}.blkid.txt`)), sizeBytes });
});

test.each([
  { field: "a count of blocks", byte: 0x04 },
  { field: "the UUID", byte: 0x68 },
  { field: "the label", byte: 0x78 },
  { field: "the end of the covered bytes", byte: 0x3fb },
  { field: "the checksum", byte: 0x3fc },
])("with metadata_csum, a changed byte in $field is refused", async ({ byte }) => {
  const disk = await fixture("fs/ext4.img.gz", { flip: 1024 + byte });
  await expect(probeExt(disk)).rejects.toThrow(/superblock's CRC is 0x[0-9a-f]{8}, the superblock says 0x/);
});

test("without metadata_csum, a block size that Linux doesn't know is refused", async () => {
  const disk = await fixture("fs/ext2.img.gz", { flip: 1024 + 0x18 });
  await expect(probeExt(disk)).rejects.toThrow(/the block size is 1024 << 255/);
});

test("an ext2 that needs recovery of a journal it doesn't have is none of the three", async () => {
  const disk = await fixture("fs/ext2.img.gz", { write: [{ at: 1024 + 0x60, bytes: Buffer.from([0x06]) }] });
  await expect(probeExt(disk)).rejects.toThrow(/its features fit none of ext2, ext3 and ext4/);
});

test("without the magic number it is no ext filesystem", async () => {
  expect(await probeExt(await fixture("fs/ext4.img.gz", { flip: 1024 + 0x38 }))).toBeUndefined();
});

test("a source that ends inside the superblock is no ext filesystem", async () => {
  expect(await probeExt(await fixture("fs/ext4.img.gz", { truncate: 2047 }))).toBeUndefined();
  expect(await probeExt(memorySource(Buffer.alloc(0)))).toBeUndefined();
});
