import { expect, test } from "vitest";
import { memorySource } from "../../../src/core/binary/source.ts";
import { integritySuperblock, probeIntegrity } from "../../../src/core/formats/integrity.ts";

const VALUES = {
  magic: "integrt", version: 4, interleaveLog: 15, tagBytes: 32, journalSections: 78, dataSectors: 8192n, flags: 0x3a, blockLog: 3, bitmapLog: 15,
  recalculatedSectors: 4096n, salt: Buffer.alloc(16, 9),
};
const source = (values: Partial<typeof VALUES> = {}) => memorySource(integritySuperblock.encode({ ...VALUES, ...values }));

test("a superblock gives its sizes in their units", async () => {
  expect(await probeIntegrity(source())).toEqual({
    version: 4, tagBytes: 32, dataSectors: 8192, blockBytes: 4096, interleaveSectors: 32768, journalSections: 78, recalculatedSectors: 4096, salt: VALUES.salt,
    flags: { journalMac: false, recalculating: true, dirtyBitmap: false, fixedPadding: true, fixedHmac: true, inline: true },
  });
});

test("tags that are not among the data have no interleave", async () => {
  expect((await probeIntegrity(source({ interleaveLog: 0 })))?.interleaveSectors).toBe(0);
});

test("what the kernel has not formatted yet, another magic, or a short source is none", async () => {
  expect(await probeIntegrity(source({ version: 0 }))).toBeUndefined();
  expect(await probeIntegrity(source({ magic: "integr" }))).toBeUndefined();
  expect(await probeIntegrity(memorySource(integritySuperblock.encode(VALUES).subarray(0, 63)))).toBeUndefined();
});
