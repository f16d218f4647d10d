import { createHash } from "node:crypto";
import { blockCipher } from "./block-cipher.ts";
import type { CipherSpec } from "./crypt-cipher.ts";

export const IV_BYTES = 16;

/** Makes the IVs of sectors that follow each other. */
export interface IvMaker {
  /** Writes `count` IVs of 16 bytes; of the first sector, and then of each `step` sectors further on. */
  fill(ivs: Buffer, firstSector: number, step: number, count: number): void;
  wipe(): void;
}

/** How dm-crypt makes its IVs; Linux drivers/md/dm-crypt.c, the comment "Different IV generation algorithms". */
export function ivMaker(spec: CipherSpec, key: Buffer, sectorBytes: number): IvMaker {
  const write = WRITERS[spec.iv];
  const encrypt = ivCipher(spec, key);
  const scale = spec.iv === "eboiv" ? sectorBytes : 1;
  return {
    fill(ivs, firstSector, step, count) {
      ivs.fill(0, 0, count * IV_BYTES);
      for (let index = 0; index < count; index++) write(ivs, index * IV_BYTES, (firstSector + index * step) * scale);
      encrypt?.into(ivs, ivs.subarray(0, count * IV_BYTES));
    },
    wipe: () => encrypt?.wipe(),
  };
}

/** The cipher that IVs go through: essiv has a key of its own, the hash of the volume's; eboiv has the volume's. */
function ivCipher({ cipher, hash, iv }: CipherSpec, key: Buffer): ReturnType<typeof blockCipher> | undefined {
  if (iv === "eboiv") return blockCipher(cipher, key, "encrypt");
  if (iv !== "essiv" || hash === undefined) return undefined;
  const salt = createHash(hash).update(key).digest();
  try {
    return blockCipher(cipher, salt, "encrypt");
  } finally {
    salt.fill(0);
  }
}

/** Into 16 bytes of zeros. */
const WRITERS: Record<CipherSpec["iv"], (ivs: Buffer, at: number, sector: number) => void> = {
  null: () => {},
  plain: (ivs, at, sector) => void ivs.writeUInt32LE(sector % 2 ** 32, at),
  plain64: littleEndian,
  plain64be: (ivs, at, sector) => bigEndian(ivs, at + 8, sector),
  benbi: (ivs, at, sector) => bigEndian(ivs, at + 8, sector * 32 + 1), // of blocks of 16 bytes, from 1
  essiv: littleEndian,
  eboiv: littleEndian,
  tcw: () => {}, // a cipher of its own has it
};

function littleEndian(ivs: Buffer, at: number, value: number): void {
  ivs.writeUInt32LE(value % 2 ** 32, at);
  ivs.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4);
}

function bigEndian(ivs: Buffer, at: number, value: number): void {
  ivs.writeUInt32BE(Math.floor(value / 2 ** 32), at);
  ivs.writeUInt32BE(value % 2 ** 32, at + 4);
}
