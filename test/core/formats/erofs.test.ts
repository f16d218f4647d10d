import { expect, test } from "vitest";
import { probeErofs } from "../../../src/core/formats/erofs.ts";
import { asContent, blkidFacts } from "../../fixtures/blkid.ts";
import { fixture } from "../../fixtures/fixture.ts";

const SUPERBLOCK = 1024;

test("erofs reads as blkid prints it", async () => {
  const source = await fixture("fs/erofs.img.gz");
  expect(await probeErofs(source)).toEqual({ ...asContent(blkidFacts("fs/erofs.blkid.txt")), sizeBytes: source.sizeBytes });
});

test.each([
  { field: "the checksum", byte: 4, found: /superblock's CRC is 0x[0-9a-f]{8}, the superblock says 0x/ },
  { field: "the UUID", byte: 48, found: /superblock's CRC is 0x/ },
  { field: "the number of blocks", byte: 36, found: /superblock's CRC is 0x/ },
  { field: "the block size", byte: 12, found: /the block size is 1 << 243 bytes/ },
])("a changed byte in $field is refused", async ({ byte, found }) => {
  await expect(probeErofs(await fixture("fs/erofs.img.gz", { flip: SUPERBLOCK + byte }))).rejects.toThrow(found);
});

test("a superblock whose block is cut short is refused", async () => {
  await expect(probeErofs(await fixture("fs/erofs.img.gz", { truncate: 4095 }))).rejects.toThrow(/it ends at byte 4095/);
});

test("without the magic, or where the source ends before the superblock does, it is no erofs", async () => {
  expect(await probeErofs(await fixture("fs/erofs.img.gz", { flip: SUPERBLOCK }))).toBeUndefined();
  expect(await probeErofs(await fixture("fs/erofs.img.gz", { truncate: SUPERBLOCK + 127 }))).toBeUndefined();
});
