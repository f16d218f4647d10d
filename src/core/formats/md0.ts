import type { Source } from "../binary/source.ts";
import { struct, u32be, u32le } from "../binary/struct.ts";
import type { Field } from "../binary/struct.ts";
import { hex32 } from "../errors.ts";
import { mdFailure, NO_ROLE } from "./md-member.ts";
import type { MdMember } from "./md-member.ts";

/** Linux include/uapi/linux/raid/md_p.h, mdp_superblock_s, in the byte order of the machine that made it. */
const superblock = (u32: (offset: number) => Field<number>) => struct("md 0.90 superblock", 4096, {
  magic: u32(0),
  major: u32(4), // 0
  minor: u32(8), // 90; 91 while it is being reshaped
  uuid0: u32(20),
  created: u32(24), // seconds since 1970
  level: u32(28), // signed: -1 is linear
  sizeKib: u32(32), // used of each member; 0 for linear and raid0
  listed: u32(36), // members in the list, failed ones and spares among them
  raidDisks: u32(40),
  preferredMinor: u32(44),
  uuid1: u32(52),
  uuid2: u32(56),
  uuid3: u32(60),
  checksum: u32(152), // of all words, with this one as zero
  eventsFirst: u32(156), // two halves in the order of the machine's bytes
  eventsSecond: u32(160),
  layout: u32(256),
  chunkBytes: u32(260),
});

/** mdp_disk_t: one for each member from byte 512 on, and the member's own at the end. */
const descriptor = (u32: (offset: number) => Field<number>) => struct("md 0.90 descriptor", 128, {
  number: u32(0),
  raidDisk: u32(12),
  state: u32(16), // bits below
});

const MAGIC = 0xa92b4efc;
const ORDERS = [u32le, u32be].map((u32) => ({ u32, header: superblock(u32), entry: descriptor(u32) }));
const RESERVED_BYTES = 64 * 1024;
const LIST_BYTE = 512;
const OWN_BYTE = 4096 - 128;
const MOST_MEMBERS = 27;
const FAULTY = 1;
const ACTIVE_AND_SYNC = 6;

/** Where the superblock of a device lies: 64 KiB, aligned to as much, from its end. Undefined for a device too small. */
export function md0Byte(sizeBytes: number): number | undefined {
  const end = sizeBytes - (sizeBytes % RESERVED_BYTES);
  return end < 2 * RESERVED_BYTES ? undefined : end - RESERVED_BYTES;
}

/** A member with metadata 0.90, of either byte order. Undefined without the magic; throws for damage behind it. */
export async function probeMd0(source: Source): Promise<MdMember | undefined> {
  const at = md0Byte(source.sizeBytes);
  if (at === undefined) return undefined;
  const bytes = await source.read(at, 4096);
  const order = ORDERS.find(({ header }) => header.decode(bytes).magic === MAGIC);
  const sb = order?.header.decode(bytes);
  if (order === undefined || sb === undefined || sb.major !== 0) return undefined;
  const where = `${source.name} at byte ${at}`;
  if (sb.minor !== 90 && sb.minor !== 91) throw mdFailure(where, `the version is 0.${sb.minor}, known: 0.90`);
  const sum = checksum(bytes, order.u32);
  if (fold(sum) !== fold(sb.checksum)) throw mdFailure(where, `the checksum is ${hex32(sum)}, the superblock says ${hex32(sb.checksum)}`);
  if (sb.raidDisks > MOST_MEMBERS || sb.listed > MOST_MEMBERS) throw mdFailure(where, `${Math.max(sb.raidDisks, sb.listed)} members, it has room for ${MOST_MEMBERS}`);
  const dataBytes = sb.sizeKib === 0 ? at : sb.sizeKib * 1024;
  if (dataBytes > at) throw mdFailure(where, `${dataBytes} bytes of data, in front of it are ${at}`);
  const own = order.entry.decode(bytes, OWN_BYTE);
  const isLittle = order.u32 === u32le;
  return {
    metadata: "0.90",
    uuid: uuidText([sb.uuid0, sb.uuid1, sb.uuid2, sb.uuid3]),
    level: sb.level | 0,
    raidDisks: sb.raidDisks,
    createdSeconds: sb.created,
    events: (BigInt(isLittle ? sb.eventsSecond : sb.eventsFirst) << 32n) | BigInt(isLittle ? sb.eventsFirst : sb.eventsSecond),
    deviceNumber: own.number,
    roles: readRoles(),
    superblockByte: at,
    chunkSectors: Math.floor(sb.chunkBytes / 512),
    layout: sb.layout,
    ...(sb.minor === 91 ? { reshaping: true as const } : {}),
    dataStartBytes: 0,
    dataBytes,
    preferredMinor: sb.preferredMinor,
    ...(isLittle ? {} : { foreignByteOrder: true }),
  };

  /** The role of each device number; the list may have gaps. */
  function readRoles(): number[] {
    const roles: number[] = [];
    for (let index = 0; index < MOST_MEMBERS; index++) {
      const { number, raidDisk, state } = order!.entry.decode(bytes, LIST_BYTE + index * 128);
      const isActive = (state & FAULTY) === 0 && (state & ACTIVE_AND_SYNC) === ACTIVE_AND_SYNC;
      if (isActive && number === index && raidDisk < sb!.raidDisks) roles[index] = raidDisk;
    }
    return Array.from(roles, (role) => role ?? NO_ROLE);
  }
}

/** The four words as the kernel prints them, with the dashes of a UUID: what mdadm and blkid print. */
function uuidText(words: number[]): string {
  const hex = words.map((word) => word.toString(16).padStart(8, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** Linux drivers/md/md.c, calc_sb_csum. */
function checksum(bytes: Buffer, u32: (offset: number) => Field<number>): number {
  let sum = 0;
  for (let at = 0; at < 4096; at += 4) if (at !== 152) sum += u32(at).decode(bytes, at);
  return ((sum % 2 ** 32) + Math.floor(sum / 2 ** 32)) >>> 0;
}

/** To 16 bits, as old kernels stored it; drivers/md/md.c, md_csum_fold. */
function fold(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
}
