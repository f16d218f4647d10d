import { expect, test } from "vitest";
import { probeF2fs } from "../../../src/core/formats/f2fs.ts";
import { asContent, blkidFacts } from "../../fixtures/blkid.ts";
import { fixture } from "../../fixtures/fixture.ts";

const FIRST = 1024;
const SECOND = 4096 + 1024;
const facts = blkidFacts("fs/f2fs.blkid.txt");
const whole = { ...asContent(facts), version: facts.VERSION, sizeBytes: 56 * 1024 * 1024 };

test("f2fs reads as blkid prints it", async () => {
  expect(await probeF2fs(await fixture("fs/f2fs.img.gz"))).toEqual(whole);
});

test.each([
  { field: "the UUID", byte: 108 },
  { field: "the label", byte: 124 },
  { field: "the block size", byte: 16 },
])("a changed byte in $field of the first superblock is told of, and the second is used", async ({ byte }) => {
  const content = await probeF2fs(await fixture("fs/f2fs.img.gz", { flip: FIRST + byte }));
  expect(content).toEqual({ ...whole, damage: [expect.stringMatching(/at byte 1024: the superblock's CRC is 0x/)] });
});

test("without the first magic the second superblock is used", async () => {
  expect(await probeF2fs(await fixture("fs/f2fs.img.gz", { flip: FIRST }))).toEqual(whole);
});

test.each([
  { field: "the UUID", bytes: [108], found: /at byte 1024: the superblock's CRC is 0x/ },
  { field: "the place of the CRC", bytes: [34], found: /its CRC lies at byte \d+ of 3072/ },
])("a changed byte in $field of both is refused", async ({ bytes, found }) => {
  const flip = bytes.flatMap((byte) => [FIRST + byte, SECOND + byte]);
  await expect(probeF2fs(await fixture("fs/f2fs.img.gz", { flip }))).rejects.toThrow(found);
});

test("a block size that nobody has is refused where no checksum guards it", async () => {
  const write = [FIRST, SECOND].flatMap((at) => [{ at: at + 32, bytes: Buffer.alloc(4) }, { at: at + 16, bytes: Buffer.from([99]) }]);
  await expect(probeF2fs(await fixture("fs/f2fs.img.gz", { write }))).rejects.toThrow(/the block size is 1 << 99 bytes/);
});

test("without either magic, or where the source ends before a superblock does, it is no f2fs", async () => {
  expect(await probeF2fs(await fixture("fs/f2fs.img.gz", { flip: [FIRST, SECOND] }))).toBeUndefined();
  expect(await probeF2fs(await fixture("fs/f2fs.img.gz", { truncate: FIRST + 3071 }))).toBeUndefined();
});
