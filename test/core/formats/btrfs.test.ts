import { expect, test } from "vitest";
import { probeBtrfs } from "../../../src/core/formats/btrfs.ts";
import { asContent, blkidFacts } from "../../fixtures/blkid.ts";
import { fixture } from "../../fixtures/fixture.ts";

const SUPERBLOCK = 65536;

test.each(["btrfs", "btrfs-sha256", "btrfs-xxhash"])("%s reads as blkid prints it", async (name) => {
  const content = await probeBtrfs(await fixture(`fs/${name}.img.gz`));
  const facts = blkidFacts(`fs/${name}.blkid.txt`);
  expect(content).toEqual({ ...asContent(facts), sizeBytes: 16 * 1024 * 1024, member: { uuid: facts.UUID_SUB, id: 1, count: 1 } });
});

test.each([
  { disk: "btrfs", field: "the checksum", byte: 0, found: /superblock's CRC is 0x/ },
  { disk: "btrfs", field: "the UUID", byte: 32, found: /superblock's CRC is 0x/ },
  { disk: "btrfs", field: "the label", byte: 299, found: /superblock's CRC is 0x/ },
  { disk: "btrfs", field: "the end of the superblock", byte: 4095, found: /superblock's CRC is 0x/ },
  { disk: "btrfs-sha256", field: "the UUID", byte: 32, found: /superblock's SHA-256 is not the one/ },
  { disk: "btrfs-xxhash", field: "its own place", byte: 48, found: /the superblock says that it lies at byte 65791/ },
  { disk: "btrfs-xxhash", field: "the sector size", byte: 144, found: /the sector size is 4351 bytes/ },
])("a changed byte in $field of $disk is refused", async ({ disk, byte, found }) => {
  await expect(probeBtrfs(await fixture(`fs/${disk}.img.gz`, { flip: SUPERBLOCK + byte }))).rejects.toThrow(found);
});

test("without the magic, or where the source ends before it, it is no btrfs", async () => {
  expect(await probeBtrfs(await fixture("fs/btrfs.img.gz", { flip: SUPERBLOCK + 64 }))).toBeUndefined();
  expect(await probeBtrfs(await fixture("fs/btrfs.img.gz", { truncate: SUPERBLOCK + 4095 }))).toBeUndefined();
});
