import { expect, test } from "vitest";
import { probeSquashfs } from "../../../src/core/formats/squashfs.ts";
import { asContent, blkidFacts } from "../../fixtures/blkid.ts";
import { fixture } from "../../fixtures/fixture.ts";

// mksquashfs -b says how large a block is; this blkid does not.
test.each([
  { name: "squashfs", blockSizeBytes: 128 * 1024 },
  { name: "squashfs-64k", blockSizeBytes: 64 * 1024 },
])("$name reads as blkid prints it", async ({ name, blockSizeBytes }) => {
  const source = await fixture(`fs/${name}.img.gz`);
  const facts = blkidFacts(`fs/${name}.blkid.txt`);
  const content = await probeSquashfs(source);
  expect(content).toEqual({ ...asContent(facts), version: facts.VERSION, blockSizeBytes, sizeBytes: content?.sizeBytes });
  // The file is filled up to 4096 bytes.
  expect(Math.ceil(content!.sizeBytes! / 4096) * 4096).toBe(source.sizeBytes);
});

test.each([
  { field: "the version", byte: 28, found: /its version is 251\.0, Linux reads 4\.0/ },
  { field: "the block size", byte: 13, found: /the block size is \d+ bytes and its logarithm 17/ },
  { field: "its logarithm", byte: 22, found: /the block size is 131072 bytes and its logarithm 238/ },
  { field: "the inode table", byte: 66, found: /its inode table begins at byte \d+ of \d+/ },
  { field: "the directory table", byte: 77, found: /its directory table begins/ },
  { field: "the ID table", byte: 53, found: /its ID table begins/ },
  { field: "the size", byte: 47, found: /holds|no disk has room/ },
])("a changed byte in $field is refused", async ({ byte, found }) => {
  await expect(probeSquashfs(await fixture("fs/squashfs.img.gz", { flip: byte }))).rejects.toThrow(found);
});

test("without the magic, or where the source ends before the superblock does, it is no squashfs", async () => {
  expect(await probeSquashfs(await fixture("fs/squashfs.img.gz", { flip: 0 }))).toBeUndefined();
  expect(await probeSquashfs(await fixture("fs/squashfs.img.gz", { truncate: 95 }))).toBeUndefined();
});
