import { createHash } from "node:crypto";
import type { Source } from "../binary/source.ts";
import type { Content } from "./content.ts";
import { identity, labelText } from "./label.ts";
import { readInside } from "./superblock.ts";

/** Four labels of 256 KiB, two at each end. OpenZFS, module/zfs/vdev_label.c and include/sys/vdev_impl.h, vdev_label_t. */
const LABEL_BYTES = 256 * 1024;
const LABELS = 4;
/** In a label: name-value pairs, which end in a magic number and the SHA-256 of them with the place of their label. */
const PAIRS_BYTE = 16 * 1024;
const PAIRS_BYTES = 112 * 1024;
const TRAILER_BYTES = 40;
const TRAILER_MAGIC = 0x0210da7ab10c7a11n;

/** XDR name-value list: byte 0 of its header is 1, then version and flags, then pairs. OpenZFS, module/nvpair/nvpair.c. */
const XDR = 1;
const FIRST_PAIR_BYTE = 12;
const PAIR_BYTES = 12; // encoded size, decoded size, length of the name; big-endian as all of XDR
const TYPE_UINT64 = 8;
const TYPE_STRING = 9;
const TYPE_LIST = 19;
const NESTED_BYTES = 8; // version and flags of a list in a list
const STATES = 8; // active, exported, destroyed, spare, L2 cache, …
const SPARE = 3;
const L2_CACHE = 4;

type Values = Map<string, bigint | string | Values>;

/**
 * A device of a ZFS pool, by the first of its four labels whose checksum is right: label and UUID are the pool's name and
 * GUID. Undefined when there is none. Reads at most 448 KiB.
 */
export async function probeZfs(source: Source): Promise<Content | undefined> {
  const endByte = source.sizeBytes - (source.sizeBytes % LABEL_BYTES);
  for (let label = 0; label < LABELS; label++) {
    const labelByte = label < 2 ? label * LABEL_BYTES : endByte - (LABELS - label) * LABEL_BYTES;
    const content = await probeLabel(source, labelByte + PAIRS_BYTE);
    if (content !== undefined) return content;
  }
  return undefined;
}

async function probeLabel(source: Source, startByte: number): Promise<Content | undefined> {
  const pairs = await readInside(source, startByte, PAIRS_BYTES);
  if (pairs === undefined || pairs[0] !== XDR || !isSealed(pairs, startByte)) return undefined;
  const values = readPairs(pairs, FIRST_PAIR_BYTE, 0);
  const [guid, state, txg, pool, name, version, tree] = ["guid", "state", "txg", "pool_guid", "name", "version", "vdev_tree"].map((key) => values.get(key));
  if (typeof guid !== "bigint" || typeof state !== "bigint" || state >= STATES) return undefined;
  if (![SPARE, L2_CACHE].includes(Number(state)) && !txg) return undefined; // a label that was cleared
  const shift = tree instanceof Map ? tree.get("ashift") : undefined;
  return {
    type: "zfs_member",
    ...(typeof version === "bigint" ? { version: version.toString() } : {}),
    ...identity(typeof pool === "bigint" ? pool.toString() : undefined, typeof name === "string" ? labelText(Buffer.from(name)) : undefined),
    ...(typeof shift === "bigint" && shift < 32n ? { blockSizeBytes: 2 ** Number(shift) } : {}),
  };
}

/** The checksum is over the pairs with, in its own place, the byte where they begin. module/zfs/zio_checksum.c. */
function isSealed(pairs: Buffer, startByte: number): boolean {
  const at = PAIRS_BYTES - TRAILER_BYTES;
  const isLittle = pairs.readBigUInt64LE(at) === TRAILER_MAGIC;
  if (!isLittle && pairs.readBigUInt64BE(at) !== TRAILER_MAGIC) return false;
  const covered = Buffer.from(pairs);
  covered.fill(0, at + 8);
  if (isLittle) covered.writeBigUInt64LE(BigInt(startByte), at + 8);
  else covered.writeBigUInt64BE(BigInt(startByte), at + 8);
  const stored = Buffer.from(pairs.subarray(at + 8));
  return createHash("sha256").update(covered).digest().equals(isLittle ? stored.swap64() : stored);
}

/** The numbers, texts and lists among the pairs; what is malformed ends them. */
function readPairs(raw: Buffer, startByte: number, depth: number): Values {
  const values: Values = new Map();
  let at = startByte;
  while (at + PAIR_BYTES <= raw.length) {
    const [sizeBytes, nameBytes] = [raw.readUInt32BE(at), raw.readUInt32BE(at + 8)];
    const valueByte = at + PAIR_BYTES + Math.ceil(nameBytes / 4) * 4;
    if (sizeBytes === 0 || at + sizeBytes > raw.length || valueByte + 8 > at + sizeBytes) break;
    const value = readValue(raw.subarray(0, at + sizeBytes), valueByte, depth);
    if (value !== undefined) values.set(raw.toString("utf8", at + PAIR_BYTES, at + PAIR_BYTES + nameBytes), value);
    at += sizeBytes;
  }
  return values;
}

/** Behind the type and the number of elements. */
function readValue(raw: Buffer, at: number, depth: number): bigint | string | Values | undefined {
  const type = raw.readUInt32BE(at);
  const from = at + 8;
  if (type === TYPE_UINT64 && from + 8 <= raw.length) return raw.readBigUInt64BE(from);
  if (type === TYPE_STRING && from + 4 <= raw.length) return raw.toString("utf8", from + 4, Math.min(raw.length, from + 4 + raw.readUInt32BE(from)));
  return type === TYPE_LIST && depth === 0 ? readPairs(raw, from + NESTED_BYTES, depth + 1) : undefined;
}
