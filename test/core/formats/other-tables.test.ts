import { expect, test } from "vitest";
import { createCipheriv } from "node:crypto";
import { memorySource } from "../../../src/core/binary/source.ts";
import { probeOtherTable } from "../../../src/core/formats/other-tables.ts";
import { blkidFacts } from "../../fixtures/blkid.ts";
import { fixture, fixtureBytes } from "../../fixtures/fixture.ts";

/** Linux's sun.c and dasd.h have more fields; these are those that tell. */
function dasd(label: string): Buffer {
  const bytes = Buffer.alloc(65536);
  bytes.write(label, 8192, "latin1");
  bytes.fill(0x40, 8192 + 10, 8192 + 79);
  return bytes;
}

test.each(["sun", "mac", "atari"])("a table of type %s is what blkid says", async (type) => {
  expect(blkidFacts(`rarer/${type}.blkid.txt`).PTTYPE).toBe(type);
  expect(await probeOtherTable(await fixture(`rarer/${type}.img.gz`))).toBe(type);
});

test("a BSD disklabel is one in sector 0 and in sector 1", async () => {
  const bytes = fixtureBytes("rarer/bsd.img.gz");
  expect(await probeOtherTable(memorySource(bytes))).toBe("bsd");
  expect(await probeOtherTable(memorySource(Buffer.concat([Buffer.alloc(512 - 64), bytes])))).toBe("bsd");
});

test.each([
  { kind: "CDL", label: "\xe5\xd6\xd3\xf1\xe5\xd6\xd3\xf1\xf0\xe7" },
  { kind: "LDL", label: "\xd3\xd5\xe7\xf1\xf0\xe7\xf3\xf5\xf2\xf6" },
  { kind: "CMS", label: "\xc3\xd4\xe2\xf1\xf0\xe7\xf3\xf5\xf2\xf6" },
])("a disk of IBM's with $kind is one", async ({ label }) => {
  expect(await probeOtherTable(memorySource(dasd(label)))).toBe("dasd");
});

test.each([
  { name: "sun", at: 508, field: "the magic" },
  { name: "sun", at: 20, field: "what the checksum is over" },
  { name: "sun", at: 188, field: "the VTOC's magic" },
  { name: "mac", at: 0, field: "the signature" },
  { name: "mac", at: 3, field: "the block size" },
  { name: "mac", at: 512, field: "the entry's signature" },
  { name: "bsd", at: 64, field: "the magic" },
  { name: "bsd", at: 64 + 132, field: "the second magic" },
  { name: "bsd", at: 64 + 139, field: "the number of partitions" },
  { name: "atari", at: 450, field: "the disk's size" },
  { name: "atari", at: 454, field: "an entry's flags" },
  { name: "atari", at: 455, field: "an entry's letters" },
  { name: "atari", at: 458, field: "an entry's place" },
])("$name: without $field there is no table", async ({ at, name }) => {
  expect(await probeOtherTable(await fixture(`rarer/${name}.img.gz`, { flip: at }))).toBeUndefined();
});

test.each(["gpt/three-partitions", "mbr/logical", "fs/ext4", "luks2/argon2", "rarer/exfat"])("%s has none of them", async (name) => {
  expect(await probeOtherTable(await fixture(`${name}.img.gz`))).toBeUndefined();
});

test("noise has none of them, however large the disk", async () => {
  const noise = createCipheriv("aes-128-ctr", Buffer.alloc(16, 7), Buffer.alloc(16, 1)).update(Buffer.alloc(4 * 1024 * 1024));
  for (let at = 0; at < noise.length - 16384; at += 1024) {
    const source = { ...memorySource(noise.subarray(at, at + 16384)), sizeBytes: 2 ** 40 };
    expect(await probeOtherTable({ ...source, read: async (from, length) => noise.subarray(at + from, at + from + length) })).toBeUndefined();
  }
});
