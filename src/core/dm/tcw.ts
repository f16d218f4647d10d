import { createDecipheriv } from "node:crypto";
import { crc32 } from "node:zlib";
import { MkinitrdError } from "../errors.ts";
import type { SectorCipher } from "./sector-cipher.ts";

const SEED_BYTES = 16;
const WHITENING_BYTES = 16;

/**
 * CBC mode with the IV tcw: the IV is a seed XORed with the sector's number, and over the ciphertext lies a whitening of 8 bytes that the
 * number makes, too. The key is the cipher's, the seed, and that of the whitening. Linux drivers/md/dm-crypt.c, crypt_iv_tcw_gen. Disks of
 * TrueCrypt before 4.1 have it.
 */
export function tcwCipher(cipher: string, key: Buffer, sectorBytes: number): SectorCipher {
  const own = Buffer.from(key);
  const cipherKey = own.subarray(0, key.length - SEED_BYTES - WHITENING_BYTES);
  const seed = own.subarray(cipherKey.length, cipherKey.length + SEED_BYTES);
  const whitening = own.subarray(cipherKey.length + SEED_BYTES);
  if (cipherKey.length !== 32) throw new MkinitrdError({ tried: "opening a crypt target", on: `the cipher ${cipher}`, found: `a key of ${key.length} bytes does not fit` });
  return {
    decrypt(bytes, ivSector, ivStep) {
      for (let at = 0, sector = ivSector; at < bytes.length; at += sectorBytes, sector += ivStep) {
        const unit = bytes.subarray(at, at + sectorBytes);
        removeWhitening(unit, foldChecksums(withSector(whitening, sector)));
        unit.set(createDecipheriv(`${cipher}-256-cbc`, cipherKey, withSector(seed, sector)).setAutoPadding(false).update(unit));
      }
    },
    wipe: () => void own.fill(0),
  };
}

/** Each half of 16 bytes XORed with the number. */
function withSector(bytes: Buffer, sector: number): Buffer {
  const number = Buffer.alloc(8);
  number.writeBigUInt64LE(BigInt(sector));
  return Buffer.from(bytes.map((byte, index) => byte ^ number[index % 8]!));
}

/** The CRC-32 of each four bytes, as the kernel has it: with nothing turned at the start and the end. */
function foldChecksums(bytes: Buffer): Buffer {
  const sum = (at: number): number => ~crc32(bytes.subarray(at, at + 4), 0xffff_ffff) >>> 0;
  const folded = Buffer.alloc(8);
  folded.writeUInt32LE((sum(0) ^ sum(12)) >>> 0, 0);
  folded.writeUInt32LE((sum(4) ^ sum(8)) >>> 0, 4);
  return folded;
}

/** 8 bytes over and over. */
export function removeWhitening(bytes: Buffer, whitening: Buffer): void {
  for (let index = 0; index < bytes.length; index++) bytes[index]! ^= whitening[index % 8]!;
}
