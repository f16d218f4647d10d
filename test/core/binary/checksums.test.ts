import { describe, expect, test } from "vitest";
import { crc32, crc32c, crc32cRaw, crc32Raw, crc64, lvmCrc32, xxh64 } from "../../../src/core/binary/checksums.ts";
import { fixtureBytes } from "../../fixtures/fixture.ts";

// The "check" column of the CRC RevEng catalogue, for these nine bytes.
const check = Buffer.from("123456789");

describe("the catalogue's check values", () => {
  test("CRC-32/ISO-HDLC is 0xcbf43926", () => expect(crc32(check)).toBe(0xcbf43926));
  test("CRC-32/ISCSI is 0xe3069283", () => expect(crc32c(check)).toBe(0xe3069283));
  test("CRC-32/JAMCRC, which is not inverted at the end, is 0x340bc6d9", () => {
    expect(lvmCrc32(check, 0xffffffff)).toBe(0x340bc6d9);
    expect(crc32Raw(0xffffffff, check)).toBe(0x340bc6d9);
  });
  test("CRC-64/WE is 0x62ec59e3f1a4f00a", () => expect(crc64(check)).toBe(0x62ec59e3f1a4f00an));
});

// RFC 3720, appendix B.4
test.each([
  { bytes: Buffer.alloc(32), crc: 0x8a9136aa },
  { bytes: Buffer.alloc(32, 0xff), crc: 0x62a8ab43 },
  { bytes: Buffer.from(Array.from({ length: 32 }, (_, i) => i)), crc: 0x46dd794e },
])("CRC-32C of iSCSI's example $crc", ({ bytes, crc }) => {
  expect(crc32c(bytes)).toBe(crc);
});

test("a CRC continues from the register it left", () => {
  const first = crc32cRaw(0xffffffff, check.subarray(0, 4));
  expect(~crc32cRaw(first, check.subarray(4)) >>> 0).toBe(crc32c(check));
  expect(lvmCrc32(check.subarray(4), lvmCrc32(check.subarray(0, 4)))).toBe(lvmCrc32(check));
});

test("no bytes leave the register as it was", () => {
  expect(lvmCrc32(Buffer.alloc(0))).toBe(0xf597a6cf);
  expect(crc32c(Buffer.alloc(0))).toBe(0);
});

// xxHash's own documents give the first two; the third is what mkfs.btrfs wrote into its superblock.
test.each([
  { text: "", hash: 0xef46db3751d8e999n },
  { text: "abc", hash: 0x44bc2cf5ad770999n },
])("XXH64 of $text", ({ hash, text }) => expect(xxh64(Buffer.from(text))).toBe(hash));

test("XXH64 of a btrfs superblock is its checksum", () => {
  const superblock = fixtureBytes("fs/btrfs-xxhash.img.gz").subarray(65536, 65536 + 4096);
  expect(xxh64(superblock.subarray(32))).toBe(superblock.readBigUInt64LE());
});
