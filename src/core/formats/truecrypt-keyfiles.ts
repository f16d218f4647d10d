import { crc32 } from "node:zlib";

const POOL_BYTES = 64;
/** VeraCrypt's for a passphrase that is longer than the other one. */
const LARGE_POOL_BYTES = 128;
/** Of each file no more is used. */
const USED_BYTES = 1024 * 1024;

/**
 * The passphrase that a passphrase and key files make together; without key files it is itself. TrueCrypt 7.1a User's Guide and VeraCrypt
 * documentation, "Keyfiles". A buffer of its own, for the caller to wipe.
 */
export function withKeyFiles(passphrase: Buffer, keyFiles: readonly Buffer[]): Buffer {
  if (keyFiles.length === 0) return Buffer.from(passphrase);
  const pool = Buffer.alloc(passphrase.length > POOL_BYTES ? LARGE_POOL_BYTES : POOL_BYTES);
  passphrase.copy(pool);
  for (const file of keyFiles) addToPool(pool, file.subarray(0, USED_BYTES));
  return pool;
}

/** Adds the four bytes of the running CRC-32, the highest first, behind each byte of the file; the sum goes round the pool. */
function addToPool(pool: Buffer, file: Buffer): void {
  let sum = 0;
  for (let i = 0, at = 0; i < file.length; i++) {
    sum = crc32(file.subarray(i, i + 1), sum);
    const register = ~sum; // zlib gives the sum as it is at the end, with all bits turned
    for (const shift of [24, 16, 8, 0]) {
      pool[at] = (pool[at]! + (register >>> shift)) & 0xff;
      at = (at + 1) % pool.length;
    }
  }
}
