import { expect, test } from "vitest";
import { probeVfat } from "../../../src/core/formats/vfat.ts";
import { asContent, blkidFacts } from "../../fixtures/blkid.ts";
import { fixture } from "../../fixtures/fixture.ts";

const MIB = 1024 * 1024;

test.each([
  { name: "fat12", sizeBytes: MIB },
  { name: "fat12-none", sizeBytes: MIB },
  { name: "fat16", sizeBytes: 9 * MIB },
  { name: "fat16-two-labels", sizeBytes: 9 * MIB },
  { name: "fat32", sizeBytes: 34 * MIB },
  { name: "fat32-4k", sizeBytes: 264 * MIB },
])("$name reads as blkid prints it", async ({ name, sizeBytes }) => {
  const facts = blkidFacts(`fs/${name}.blkid.txt`);
  const content = await probeVfat(await fixture(`fs/${name}.img.gz`));
  expect(content).toEqual({ ...asContent(facts), version: facts.VERSION, sizeBytes });
});

test.each([
  { field: "the sector size", byte: 11 },
  { field: "the cluster size", byte: 13 },
  { field: "the media byte", byte: 21 },
])("with a changed byte in $field it is no FAT, as for Linux", async ({ byte }) => {
  expect(await probeVfat(await fixture("fs/fat16.img.gz", { flip: byte }))).toBeUndefined();
});

test.each([
  { field: "reserved sectors", at: 14, bytes: [0, 0] },
  { field: "tables", at: 16, bytes: [0] },
  { field: "sectors in a table", at: 22, bytes: [0, 0] },
  { field: "sectors at all", at: 19, bytes: [0, 0] },
])("without $field it is no FAT", async ({ at, bytes }) => {
  expect(await probeVfat(await fixture("fs/fat12.img.gz", { write: [{ at, bytes: Buffer.from(bytes) }] }))).toBeUndefined();
});

test("without a type word, the jump and the end mark are enough; OS/2's boot sector of JFS is none", async () => {
  const blank = { at: 54, bytes: Buffer.alloc(8) };
  expect((await probeVfat(await fixture("fs/fat16.img.gz", { write: [blank] })))?.type).toBe("vfat");
  const jfs = { at: 54, bytes: Buffer.from("JFS     ") };
  expect(await probeVfat(await fixture("fs/fat16.img.gz", { write: [jfs] }))).toBeUndefined();
  expect(await probeVfat(await fixture("fs/fat16.img.gz", { write: [blank], flip: 510 }))).toBeUndefined();
});

test("FAT32 whose second sector of facts is another thing is no FAT", async () => {
  expect(await probeVfat(await fixture("fs/fat32.img.gz", { flip: 512 }))).toBeUndefined();
  expect(await probeVfat(await fixture("fs/fat32.img.gz", { flip: 512 + 484 }))).toBeUndefined();
});

test("a chain of clusters that never ends is followed only so far", async () => {
  // The root directory: no end mark, no label; and its cluster's entry in the table names the cluster itself.
  const deleted = Buffer.alloc(512, 0xe5);
  const fat = { at: 32 * 512 + 2 * 4, bytes: Buffer.from([2, 0, 0, 0]) };
  const sound = await fixture("fs/fat32.img.gz");
  const boot = await sound.read(0, 512);
  const root = (32 + 2 * boot.readUInt32LE(36)) * 512;
  const content = await probeVfat(await fixture("fs/fat32.img.gz", { write: [fat, { at: root, bytes: deleted }] }));
  expect(content).toMatchObject({ type: "vfat", uuid: "CAFE-BABE" });
  expect(content?.label).toBeUndefined();
});

test("a disk that ends before the root directory has a type and a UUID, and no label", async () => {
  const content = await probeVfat(await fixture("fs/fat32.img.gz", { truncate: 4096 }));
  expect(content).toEqual({ type: "vfat", version: "FAT32", uuid: "CAFE-BABE", blockSizeBytes: 512, sizeBytes: 34 * MIB });
  expect(await probeVfat(await fixture("fs/fat32.img.gz", { truncate: 511 }))).toBeUndefined();
});
