import { crc32c, crc64, xxh64 } from "../binary/checksums.ts";
import type { Source } from "../binary/source.ts";
import { bytes, struct, u16le, u32le, u64le, u8, uuid } from "../binary/struct.ts";
import type { Decoded } from "../binary/struct.ts";
import { MkinitrdError } from "../errors.ts";
import { BCACHE_MAGIC } from "./bcache.ts";
import type { Content } from "./content.ts";
import { identity, labelText } from "./label.ts";
import { readInside } from "./superblock.ts";

/** Superblock. Linux fs/bcachefs/bcachefs_format.h, struct bch_sb; fields of any size follow it. */
export const bcachefsSuperblock = struct("bcachefs superblock", 752, {
  checksum: u64le(0), // over all behind byte 16
  version: u16le(16), // major << 10 | minor
  magic: bytes(24, 16),
  uuid: uuid(56), // the one that a user sees
  label: bytes(72, 32),
  startSector: u64le(104), // where this copy lies
  blockSectors: u16le(120),
  deviceIndex: u8(122),
  devices: u8(123),
  fieldWords: u32le(124), // of eight bytes
  flags: u8(144), // bits 2 to 7: the checksum's type
  maxSizeLog: u8(257), // sectors: 1 << this
});

type Superblock = Decoded<typeof bcachefsSuperblock>;

export const BCACHEFS_MAGIC = Buffer.from("c68573f666ce90a9d96a60cf803df7ef", "hex");
const MAGICS = [BCACHE_MAGIC, BCACHEFS_MAGIC];
/** The first copy, and two others; the last counts from the end. */
const COPIES = [4096, 2 * 1024 * 1024, -1024 * 1024];
const COVERED_FROM = 16;
const LARGEST_LOG = 16;
/** Fields are some KiB; a superblock larger than this is not read. */
const MAX_BYTES = 1024 * 1024;

/** A field's head: its length in words with the head, and its type. */
export const bcachefsField = struct("bcachefs field", 8, { words: u32le(0), type: u32le(4) });
/** The devices: struct bch_member, of 56 bytes in the first version of the field. */
export const bcachefsMember = struct("bcachefs member", 28, { uuid: uuid(0), buckets: u64le(16), bucketSectors: u16le(26) });
const MEMBERS_V1 = 1;
const MEMBERS_V1_BYTES = 56;
const MEMBERS_V2 = 11; // states the size of a member, in two bytes of eight

/**
 * A device of a bcachefs, by the first copy of the superblock that is sound. Undefined without the magic at any of them;
 * throws when none is sound. CRC-32C, CRC-64 and XXH64 are checked. Reads at most 3 MiB, and some KiB as mkfs makes it.
 */
export async function probeBcachefs(source: Source): Promise<Content | undefined> {
  const problems: string[] = [];
  for (const copy of COPIES) {
    const startByte = copy < 0 ? Math.floor(source.sizeBytes / 512) * 512 + copy : copy;
    const raw = await readInside(source, startByte, bcachefsSuperblock.sizeBytes);
    const decoded = raw && bcachefsSuperblock.decode(raw);
    if (decoded === undefined || !MAGICS.some((magic) => magic.equals(decoded.magic)) || decoded.startSector !== BigInt(startByte / 512)) continue;
    const whole = await readWhole(source, startByte, decoded);
    if (typeof whole !== "string") return { ...contentOf(decoded, whole), ...(problems.length === 0 ? {} : { damage: problems }) };
    problems.push(`superblock at byte ${startByte}: ${whole}`);
  }
  if (problems.length === 0) return undefined;
  throw new MkinitrdError({ tried: "reading the bcachefs superblock", on: source.name, found: problems.join("; "), next: "look at it from a running system: bcachefs show-super" });
}

/** The superblock with its fields, or what is wrong with it. */
async function readWhole(source: Source, startByte: number, decoded: Superblock): Promise<Buffer | string> {
  const { checksum, deviceIndex, devices, fieldWords, flags, maxSizeLog } = decoded;
  if (deviceIndex >= devices) return `it is device ${deviceIndex} of ${devices}`;
  const lengthBytes = bcachefsSuperblock.sizeBytes + fieldWords * 8;
  if (maxSizeLog > LARGEST_LOG || lengthBytes > 512 << maxSizeLog || lengthBytes > MAX_BYTES) return `it has ${lengthBytes} bytes`;
  const whole = await readInside(source, startByte, lengthBytes);
  if (whole === undefined) return `it has ${lengthBytes} bytes, the disk ends before`;
  const sum = checksumOf(flags >> 2, whole.subarray(COVERED_FROM));
  const stored = flags >> 2 === 1 ? BigInt.asUintN(32, checksum) : checksum;
  return sum === undefined || sum === stored ? whole : `its checksum is ${sum.toString(16)}, it says ${stored.toString(16)}`;
}

/** Undefined for a type that is not checked. enum bch_csum_type. */
function checksumOf(type: number, covered: Buffer): bigint | undefined {
  switch (type) {
    case 1: return BigInt(crc32c(covered));
    case 2: return crc64(covered);
    case 7: return xxh64(covered);
    default: return undefined;
  }
}

function contentOf({ blockSectors, deviceIndex, devices, label, uuid, version }: Superblock, whole: Buffer): Content {
  const own = findMember(whole, deviceIndex);
  return {
    type: "bcachefs",
    version: `${version >> 10}.${version & 0x3ff}`,
    ...identity(uuid, labelText(label)),
    blockSizeBytes: blockSectors * 512,
    ...(own === undefined ? {} : { sizeBytes: Number(own.buckets) * own.bucketSectors * 512, member: { uuid: own.uuid, id: deviceIndex, count: devices } }),
  };
}

function findMember(whole: Buffer, index: number): Decoded<typeof bcachefsMember> | undefined {
  for (let at = bcachefsSuperblock.sizeBytes; at + bcachefsField.sizeBytes <= whole.length;) {
    const { type, words } = bcachefsField.decode(whole, at);
    if (words === 0 || at + words * 8 > whole.length) return undefined;
    const bytesEach = type === MEMBERS_V1 ? MEMBERS_V1_BYTES : type === MEMBERS_V2 && words > 1 ? whole.readUInt16LE(at + 8) : undefined;
    const from = at + bcachefsField.sizeBytes + (type === MEMBERS_V2 ? 8 : 0) + index * (bytesEach ?? 0);
    if (bytesEach !== undefined && bytesEach >= bcachefsMember.sizeBytes && from + bytesEach <= at + words * 8) return bcachefsMember.decode(whole, from);
    at += words * 8;
  }
  return undefined;
}
