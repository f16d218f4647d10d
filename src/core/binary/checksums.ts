import { crc32 as zlibCrc32 } from "node:zlib";

/** CRC-32 (IEEE 802.3, reflected), as GPT, gzip and cpio use it. */
export function crc32(bytes: Uint8Array): number {
  return zlibCrc32(bytes);
}

/**
 * CRC-32C (Castagnoli, reflected) with the usual start 0xffffffff and final inversion: btrfs and XFS. Ext4 leaves out
 * the final inversion, and starts from the filesystem's seed: see `crc32cRaw`.
 */
export function crc32c(bytes: Uint8Array): number {
  return ~crc32cRaw(0xffffffff, bytes) >>> 0;
}

/** CRC-32C from a given register, with no inversion at the start or the end. */
export function crc32cRaw(register: number, bytes: Uint8Array): number {
  let crc = register >>> 0;
  for (const byte of bytes) crc = (crc >>> 8) ^ (CASTAGNOLI[(crc ^ byte) & 0xff] ?? 0);
  return crc >>> 0;
}

/**
 * LVM2's CRC: the polynomial of `crc32`, started from 0xf597a6cf and with no inversion at the end.
 * LVM2 lib/misc/crc.c, INITIAL_CRC. Continue a checksum by passing it as `register`.
 */
export function lvmCrc32(bytes: Uint8Array, register = 0xf597a6cf): number {
  return ~zlibCrc32(bytes, ~register >>> 0) >>> 0; // zlib inverts its register on both sides
}

const CASTAGNOLI = /* @__PURE__ */ makeTable(0x82f63b78);

function makeTable(polynomial: number): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, index) => {
    let value = index;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1;
    return value;
  });
}
