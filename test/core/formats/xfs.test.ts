import { expect, test } from "vitest";
import { probeXfs } from "../../../src/core/formats/xfs.ts";
import { asContent, blkidFacts } from "../../fixtures/blkid.ts";
import { fixture } from "../../fixtures/fixture.ts";

test.each(["xfs", "xfs-4k", "xfs-v4"])("%s reads as blkid prints it", async (name) => {
  const content = await probeXfs(await fixture(`fs/${name}.img.gz`));
  expect(content).toEqual({ ...asContent(blkidFacts(`fs/${name}.blkid.txt`)), sizeBytes: 16 * 1024 * 1024 });
});

test.each([
  { disk: "xfs", field: "the UUID", byte: 32, found: /superblock's CRC is 0x/ },
  { disk: "xfs", field: "the label", byte: 108, found: /superblock's CRC is 0x/ },
  { disk: "xfs", field: "the checksum", byte: 224, found: /superblock's CRC is 0x/ },
  { disk: "xfs-4k", field: "the end of a sector of 4096 bytes", byte: 4095, found: /superblock's CRC is 0x/ },
  { disk: "xfs-v4", field: "the block size", byte: 4, found: /the block size is 4278194176 bytes, its logarithm 12/ },
  { disk: "xfs-v4", field: "the count of blocks", byte: 8, found: /18374686479671627776 blocks in 1 groups of 4096/ },
  { disk: "xfs-v4", field: "the version", byte: 101, found: /the version is 11, known: 1 to 5/ },
  { disk: "xfs-v4", field: "the sector size", byte: 102, found: /the sector size is 64768 bytes, its logarithm 9/ },
])("a changed byte in $field of $disk is refused", async ({ disk, byte, found }) => {
  await expect(probeXfs(await fixture(`fs/${disk}.img.gz`, { flip: byte }))).rejects.toThrow(found);
});

test("without the magic it is no XFS", async () => {
  expect(await probeXfs(await fixture("fs/xfs.img.gz", { flip: 0 }))).toBeUndefined();
});

test("a source that ends inside its first sector is refused, or too short to be anything", async () => {
  await expect(probeXfs(await fixture("fs/xfs-4k.img.gz", { truncate: 4095 }))).rejects.toThrow(/it ends at byte 4095/);
  expect(await probeXfs(await fixture("fs/xfs.img.gz", { truncate: 511 }))).toBeUndefined();
});
