import { createCipheriv } from "node:crypto";
import { expect, test } from "vitest";
import { memorySource } from "../../../src/core/binary/source.ts";
import { openCrypt } from "../../../src/core/dm/crypt.ts";
import { lrwCipher } from "../../../src/core/dm/lrw.ts";

/** The first vector of LRW-AES in crypto/testmgr.h of Linux, from the draft of IEEE P1619; the block's number is 1. */
test("LRW decrypts the vector of the standard's draft", () => {
  const key = Buffer.from("4562ac25f828176d4c268414b5680185258e2a05e73e9d03ee5a830ccc094c87", "hex");
  const block = Buffer.from("f1b273cd65a3df5fe95d489254634eb8", "hex");
  lrwCipher("aes", key, 512).decrypt(block, 0, 1);
  expect(block.toString("latin1")).toBe("0123456789ABCDEF");
});

test("LRW goes on through the blocks of a sector, and from sector to sector, as one run of numbers", async () => {
  const key = Buffer.alloc(48, 7);
  const disk = Buffer.alloc(2048, "what is read at once and in parts is the same; ");
  const open = (ivOffsetSectors: number) => openCrypt({ startSector: 0, lengthSectors: 2, cipher: "aes-lrw-benbi", key, ivOffsetSectors, device: { path: "d", source: memorySource(disk) }, deviceSector: 0, options: [] });
  const both = await open(5).read(0, 1024);
  expect((await open(6).read(0, 512)).equals(both.subarray(512))).toBe(false);
  expect((await open(5).read(512, 512)).equals(both.subarray(512))).toBe(true);
});

/** The inverse, written from the comment over crypt_iv_tcw_gen in drivers/md/dm-crypt.c, for a whitening and a sector of zeros: CRC-32 without inversions is 0 for these. */
test("CBC with tcw: the IV is the seed and the sector's number; a whitening of zeros in sector 0 is none", async () => {
  const [cipherKey, seed] = [Buffer.alloc(32, 1), Buffer.alloc(16, 2)];
  const plain = Buffer.alloc(512, "sixteen bytes, and again; ");
  const disk = createCipheriv("aes-256-cbc", cipherKey, seed).setAutoPadding(false).update(plain);
  const opened = openCrypt({ startSector: 0, lengthSectors: 1, cipher: "aes-cbc-tcw", key: Buffer.concat([cipherKey, seed, Buffer.alloc(16)]), ivOffsetSectors: 0, device: { path: "d", source: memorySource(disk) }, deviceSector: 0, options: [] });
  expect((await opened.read(0, 512)).equals(plain)).toBe(true);
  await opened.close?.();
});

test.each(["aes-lrw-plain64", "aes-xts-tcw", "serpent-cbc-tcw"])("%s is refused", (cipher) => {
  expect(() => openCrypt({ startSector: 0, lengthSectors: 1, cipher, key: Buffer.alloc(64), ivOffsetSectors: 0, device: { path: "d", source: memorySource(Buffer.alloc(512)) }, deviceSector: 0, options: [] })).toThrow(/can't be computed here; known: .*lrw-benbi and cbc-tcw/);
});
