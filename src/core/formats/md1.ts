import type { Source } from "../binary/source.ts";
import { SECTOR_BYTES } from "../binary/source.ts";
import { struct, toNumber, u32le, u64le, utf8, uuid } from "../binary/struct.ts";
import { hex32 } from "../errors.ts";
import { ZERO_GUID } from "../binary/guid.ts";
import { mdFailure, NO_ROLE } from "./md-member.ts";
import type { MdMember } from "./md-member.ts";

/** Linux include/uapi/linux/raid/md_p.h, mdp_superblock_1. The roles follow, 16 bits for each device number. */
const superblock = struct("md 1.x superblock", 256, {
  magic: u32le(0),
  major: u32le(4), // 1
  features: u32le(8),
  uuid: uuid(16),
  name: utf8(32, 32),
  created: u64le(64), // seconds since 1970 in the lower 40 bits
  level: u32le(72), // signed: -1 is linear
  layout: u32le(76),
  sizeSectors: u64le(80), // used of each member; 0 for linear and raid0
  chunkSectors: u32le(88),
  raidDisks: u32le(92),
  dataOffset: u64le(128), // sectors from the start of the device
  dataSectors: u64le(136),
  superOffset: u64le(144), // the sector of this superblock
  deviceNumber: u32le(160),
  deviceUuid: uuid(168),
  events: u64le(200),
  checksum: u32le(216), // of all up to the last role, with this field as zero
  maxDevices: u32le(220), // how many roles follow
});

const MAGIC = 0xa92b4efc;
const MOST_ROLES = (4096 - 256) / 2; // the superblock has one page
const CHECKSUM_BYTE = superblock.fields.checksum.offset;
const FEATURE_RECOVERY = 2;
const FEATURE_RESHAPE = 4;

type Minor = "1.0" | "1.1" | "1.2";

/** The byte of a 1.x superblock: 1.0 at least 8 KiB from the end, 1.1 at the start, 1.2 at 4 KiB. mdadm's super1.c, load_super1. */
export function md1Byte(minor: Minor, sizeBytes: number): number | undefined {
  const sectors = Math.floor(sizeBytes / SECTOR_BYTES);
  const sector = { "1.0": (sectors - 16) - ((sectors - 16) % 8), "1.1": 0, "1.2": 8 }[minor];
  return sector < 0 || (sector + 8) > sectors ? undefined : sector * SECTOR_BYTES;
}

/** A member with metadata 1.0, 1.1 or 1.2. Undefined without the magic in its place; throws for damage behind it. */
export async function probeMd1(source: Source, minor: Minor): Promise<MdMember | undefined> {
  const at = md1Byte(minor, source.sizeBytes);
  if (at === undefined) return undefined;
  const bytes = await source.read(at, 4096);
  const sb = superblock.decode(bytes);
  if (sb.magic !== MAGIC || sb.major !== 1) return undefined;
  const where = `${source.name} at byte ${at}`;
  if (sb.maxDevices > MOST_ROLES) throw mdFailure(where, `it lists ${sb.maxDevices} members, it has room for ${MOST_ROLES}`);
  const covered = bytes.subarray(0, superblock.sizeBytes + 2 * sb.maxDevices);
  const sum = checksum(covered);
  if (sum !== sb.checksum) throw mdFailure(where, `the checksum is ${hex32(sum)}, the superblock says ${hex32(sb.checksum)}`);
  if (sb.superOffset * BigInt(SECTOR_BYTES) !== BigInt(at)) throw mdFailure(where, `the superblock says that it lies in sector ${sb.superOffset}`);
  const dataStartBytes = toNumber(sb.dataOffset * BigInt(SECTOR_BYTES), `the data offset of ${where}`);
  const dataBytes = toNumber((sb.sizeSectors || sb.dataSectors) * BigInt(SECTOR_BYTES), `the data size of ${where}`);
  if (sb.sizeSectors > sb.dataSectors) throw mdFailure(where, `${sb.sizeSectors} sectors are used of ${sb.dataSectors}`);
  if (minor === "1.0" && dataStartBytes + dataBytes > at) throw mdFailure(where, `the data ends at byte ${dataStartBytes + dataBytes}, behind the superblock`);
  return {
    metadata: minor,
    uuid: sb.uuid,
    ...(sb.deviceUuid === ZERO_GUID ? {} : { deviceUuid: sb.deviceUuid }),
    ...(sb.name === "" ? {} : { name: sb.name }),
    level: sb.level | 0,
    raidDisks: sb.raidDisks,
    createdSeconds: Number(sb.created & 0xff_ffff_ffffn),
    events: sb.events,
    deviceNumber: sb.deviceNumber,
    roles: readRoles(covered, sb.raidDisks),
    superblockByte: at,
    chunkSectors: sb.chunkSectors,
    layout: sb.layout,
    dataStartBytes,
    dataBytes,
    ...((sb.features & FEATURE_RECOVERY) === 0 ? {} : { recovering: true as const }),
    ...((sb.features & FEATURE_RESHAPE) === 0 ? {} : { reshaping: true as const }),
  };
}

/** 0xffff is a spare, 0xfffe a failed device, 0xfffd a journal. */
function readRoles(covered: Buffer, raidDisks: number): number[] {
  const roles: number[] = [];
  for (let at = superblock.sizeBytes; at < covered.length; at += 2) {
    const role = covered.readUInt16LE(at);
    roles.push(role < raidDisks ? role : NO_ROLE);
  }
  return roles;
}

/** Linux drivers/md/md.c, calc_sb_1_csum. */
function checksum(covered: Buffer): number {
  let sum = 0;
  for (let at = 0; at + 4 <= covered.length; at += 4) if (at !== CHECKSUM_BYTE) sum += covered.readUInt32LE(at);
  if (covered.length % 4 === 2) sum += covered.readUInt16LE(covered.length - 2);
  return ((sum % 2 ** 32) + Math.floor(sum / 2 ** 32)) >>> 0;
}
