import { blockCipher } from "./block-cipher.ts";
import type { CipherSpec } from "./crypt-cipher.ts";
import { IV_BYTES, ivMaker } from "./crypt-iv.ts";
import { lrwCipher } from "./lrw.ts";
import { tcwCipher } from "./tcw.ts";
import { DISTANCE_BYTES, xorLoops } from "./xor-loops.ts";

/** So much goes through OpenSSL in one call; measured as the best of 8 KiB to 256 KiB. */
const BATCH_BYTES = DISTANCE_BYTES;
const LEAST_SECTOR_BYTES = 512;

// Places in the memory of the loops: what the data is XORed with, the data, the IVs.
const MASK = 0;
const DATA = DISTANCE_BYTES;
const IVS = 2 * BATCH_BYTES;
const PAGES = Math.ceil((IVS + (BATCH_BYTES / LEAST_SECTOR_BYTES) * IV_BYTES) / 65_536);

/** Decrypts sectors of one size. */
export interface SectorCipher {
  /** Whole sectors, in place. The IV of the first counts `ivSector`, and each next one `ivStep` more. */
  decrypt(bytes: Buffer, ivSector: number, ivStep: number): void;
  /** Forgets the keys and what was read last. */
  wipe(): void;
}

/**
 * A cipher and mode over sectors. OpenSSL's own XTS and CBC take a new context for each IV, which for a sector of 512 bytes
 * takes ten times as long as decrypting it. So many sectors are decrypted by one call as single blocks, and what makes XTS
 * or CBC of them is XORed: with tweaks before and after, or with the block before.
 */
export function sectorCipher(spec: CipherSpec, key: Buffer, sectorBytes: number): SectorCipher {
  if (spec.cipher === "null") return { decrypt: () => {}, wipe: () => {} };
  if (spec.mode === "lrw") return lrwCipher(spec.cipher, key, sectorBytes);
  if (spec.iv === "tcw") return tcwCipher(spec.cipher, key, sectorBytes);
  const half = spec.mode === "xts" ? key.length / 2 : key.length;
  const blocks = blockCipher(spec.cipher, key.subarray(0, half), "decrypt");
  const tweaks = spec.mode === "xts" ? blockCipher(spec.cipher, key.subarray(half), "encrypt") : undefined;
  const ivs = ivMaker(spec, key, sectorBytes);
  const { memory, tweaks: multiply, xor } = xorLoops(PAGES);
  return {
    decrypt(bytes, ivSector, ivStep) {
      for (let at = 0; at < bytes.length; at += BATCH_BYTES) {
        decryptBatch(bytes.subarray(at, at + BATCH_BYTES), ivSector + (at / sectorBytes) * ivStep, ivStep);
      }
    },
    wipe() {
      for (const each of [blocks, tweaks, ivs]) each?.wipe();
      memory.fill(0);
    },
  };

  function decryptBatch(bytes: Buffer, ivSector: number, ivStep: number): void {
    const { length } = bytes;
    const count = length / sectorBytes;
    memory.set(bytes, DATA);
    if (spec.mode !== "ecb") ivs.fill(memory.subarray(IVS), ivSector, ivStep, count);
    if (tweaks !== undefined) tweaks.into(memory.subarray(IVS), memory.subarray(IVS, IVS + count * IV_BYTES));
    for (let sector = 0; sector < count && spec.mode !== "ecb"; sector++) {
      const [mask, iv] = [MASK + sector * sectorBytes, IVS + sector * IV_BYTES];
      if (spec.mode === "xts") multiply(mask, iv, sectorBytes / IV_BYTES);
      else {
        memory.copy(memory, mask, iv, iv + IV_BYTES);
        bytes.copy(memory, mask + IV_BYTES, sector * sectorBytes, (sector + 1) * sectorBytes - IV_BYTES);
      }
    }
    blocks.into(memory.subarray(DATA), memory.subarray(DATA, DATA + length));
    if (spec.mode !== "ecb") xor(DATA, MASK, length);
    bytes.set(memory.subarray(DATA, DATA + length));
  }
}
