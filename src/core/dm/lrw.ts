import { blockCipher } from "./block-cipher.ts";
import type { SectorCipher } from "./sector-cipher.ts";

const BLOCK_BYTES = 16;
/** Behind the cipher's own key. */
const TWEAK_KEY_BYTES = 16;
const WIDTH = 128n;
/** x^128 + x^7 + x^2 + x + 1, without its highest term. */
const POLYNOMIAL = 0x87n;

/**
 * LRW mode with the IV benbi: each block is XORed before and after the cipher with the product of the second key and its number, counted
 * from 1. Linux crypto/lrw.c and include/crypto/gf128mul.h (bbe: the first bit is that of x^127). Disks of TrueCrypt 4 have it; it is not
 * fast here.
 */
export function lrwCipher(cipher: string, key: Buffer, sectorBytes: number): SectorCipher {
  const blocks = blockCipher(cipher, key.subarray(0, key.length - TWEAK_KEY_BYTES), "decrypt");
  const powers = multiples(key.subarray(key.length - TWEAK_KEY_BYTES));
  const perSector = sectorBytes / BLOCK_BYTES;
  return {
    decrypt(bytes, ivSector, ivStep) {
      const tweaks = Buffer.alloc(bytes.length);
      for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
        const sector = ivSector + Math.floor(at / sectorBytes) * ivStep;
        writeProduct(tweaks, at, sector * 32 + 1 + ((at / BLOCK_BYTES) % perSector), powers);
      }
      xor(bytes, tweaks);
      blocks.into(bytes, bytes);
      xor(bytes, tweaks);
    },
    wipe() {
      powers.fill(0n);
      blocks.wipe();
    },
  };
}

/** The key times x^0, x^1 … */
function multiples(key: Buffer): bigint[] {
  const all: bigint[] = [];
  for (let power = BigInt(`0x${key.toString("hex")}`), bit = 0; bit < 64; bit++) {
    all.push(power);
    power <<= 1n;
    if (power >> WIDTH !== 0n) power = (power ^ (1n << WIDTH)) ^ POLYNOMIAL;
  }
  return all;
}

function writeProduct(into: Buffer, at: number, factor: number, powers: readonly bigint[]): void {
  let product = 0n;
  for (let bit = 0, rest = factor; rest > 0; bit++, rest = Math.floor(rest / 2)) if (rest % 2 === 1) product ^= powers[bit]!;
  into.writeBigUInt64BE(product >> 64n, at);
  into.writeBigUInt64BE(product & 0xffff_ffff_ffff_ffffn, at + 8);
}

function xor(bytes: Buffer, mask: Buffer): void {
  for (let index = 0; index < bytes.length; index++) bytes[index]! ^= mask[index]!;
}
