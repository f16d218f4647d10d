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

/** CRC-32 (IEEE) from a given register, with no inversion at the start or the end: NILFS2, UBIFS. */
export function crc32Raw(register: number, bytes: Uint8Array): number {
  return ~zlibCrc32(bytes, ~register >>> 0) >>> 0;
}

/** CRC-64 (ECMA-182, most significant bit first) with inversion at the start and the end, as bcache has it. */
export function crc64(bytes: Uint8Array): bigint {
  let high = 0xffffffff;
  let low = 0xffffffff;
  for (const byte of bytes) {
    const index = ((high >>> 24) ^ byte) & 0xff;
    high = ((high << 8) | (low >>> 24)) ^ (ECMA[index * 2] ?? 0);
    low = (low << 8) ^ (ECMA[index * 2 + 1] ?? 0);
  }
  return (BigInt(~high >>> 0) << 32n) | BigInt(~low >>> 0);
}

/** Of each byte the high and the low half. */
const ECMA = /* @__PURE__ */ makeEcmaTable();

function makeEcmaTable(): Uint32Array {
  const table = new Uint32Array(512);
  for (let index = 0; index < 256; index++) {
    let high = index << 24;
    let low = 0;
    for (let bit = 0; bit < 8; bit++) {
      const carry = high >>> 31 === 1;
      high = (high << 1) | (low >>> 31);
      low <<= 1;
      if (carry) [high, low] = [high ^ 0x42f0e1eb, low ^ 0xa9ea3693];
    }
    table.set([high >>> 0, low >>> 0], index * 2);
  }
  return table;
}

const XXH64 = [0x9e3779b185ebca87n, 0xc2b2ae3d27d4eb4fn, 0x165667b19e3779f9n, 0x85ebca77c2b2ae63n, 0x27d4eb2f165667c5n] as const;

/** XXH64 with seed 0. xxHash's doc/xxhash_spec.md, "XXH64 algorithm". */
export function xxh64(bytes: Uint8Array): bigint {
  const [p1, p2, p3, p4, p5] = XXH64;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const wrap = (value: bigint) => BigInt.asUintN(64, value);
  const rotate = (value: bigint, bits: bigint) => wrap((value << bits) | (value >> (64n - bits)));
  const round = (lane: bigint, word: bigint) => wrap(rotate(wrap(lane + word * p2), 31n) * p1);
  let at = 0;
  let hash: bigint = p5;
  if (bytes.length >= 32) {
    const lanes = [wrap(p1 + p2), p2, 0n, wrap(-p1)];
    for (; at + 32 <= bytes.length; at += 32) for (let lane = 0; lane < 4; lane++) lanes[lane] = round(lanes[lane]!, view.readBigUInt64LE(at + lane * 8));
    hash = wrap(lanes.reduce((sum, lane, index) => sum + rotate(lane, [1n, 7n, 12n, 18n][index]!), 0n));
    for (const lane of lanes) hash = wrap((hash ^ round(0n, lane)) * p1 + p4);
  }
  hash = wrap(hash + BigInt(bytes.length));
  for (; at + 8 <= bytes.length; at += 8) hash = wrap(rotate(hash ^ round(0n, view.readBigUInt64LE(at)), 27n) * p1 + p4);
  if (at + 4 <= bytes.length) {
    hash = wrap(rotate(hash ^ wrap(BigInt(view.readUInt32LE(at)) * p1), 23n) * p2 + p3);
    at += 4;
  }
  for (; at < bytes.length; at++) hash = wrap(rotate(hash ^ wrap(BigInt(bytes[at]!) * p5), 11n) * p1);
  hash = wrap((hash ^ (hash >> 33n)) * p2);
  hash = wrap((hash ^ (hash >> 29n)) * p3);
  return hash ^ (hash >> 32n);
}
