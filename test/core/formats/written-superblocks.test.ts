import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { crc32c, crc32cRaw, crc64, xxh64 } from "../../../src/core/binary/checksums.ts";
import { MkinitrdError } from "../../../src/core/errors.ts";
import { guidToBytes } from "../../../src/core/binary/guid.ts";
import type { Source } from "../../../src/core/binary/source.ts";
import { BCACHE_MAGIC, bcacheSuperblock } from "../../../src/core/formats/bcache.ts";
import { BCACHEFS_MAGIC, bcachefsField, bcachefsMember, bcachefsSuperblock } from "../../../src/core/formats/bcachefs.ts";
import { befsOrders } from "../../../src/core/formats/befs.ts";
import { bitlockerEntry, bitlockerMetadata, bitlockerSector, bitlockerToGoSector } from "../../../src/core/formats/bitlocker.ts";
import type { Content } from "../../../src/core/formats/content.ts";
import { hammer2Big, hammer2Little } from "../../../src/core/formats/hammer2.ts";
import { hfsMasterBlock } from "../../../src/core/formats/hfs.ts";
import { integritySuperblock } from "../../../src/core/formats/integrity.ts";
import { isoDescriptor } from "../../../src/core/formats/iso9660.ts";
import * as foreign from "../../../src/core/formats/foreign-superblocks.ts";
import * as other from "../../../src/core/formats/other-superblocks.ts";
import * as raid from "../../../src/core/formats/raid-members.ts";
import type { Superblock } from "../../../src/core/formats/superblock.ts";
import { EVERY_FORMAT } from "../../../src/core/volumes/every-format.ts";
import { probe as probeWith } from "../../../src/core/volumes/probe.ts";
import { asContent } from "../../fixtures/blkid.ts";
import { blkidMissing, blkidOf } from "../../fixtures/blkid-run.ts";
import { fixtureBytes } from "../../fixtures/fixture.ts";

// Formats of which nothing on Debian 12 makes a small disk: written here field by field, as their documents say.

/** As whoever looks at any disk asks. */
const probe = (from: Source) => probeWith(from, EVERY_FORMAT);

type Piece = { at: number; bytes: Buffer };
/** What is on a disk of this size, zeros elsewhere. `blkid`: what the blkid of Debian 12 knows of it, where that is less. */
interface Disk { name: string; pieces: Piece[]; sizeBytes: number; content: Content; blkid?: "nothing" | "type" }

const MIB = 1024 * 1024;
/** On a disk as small as a floppy blkid looks for no array. */
const RAID = 2 * MIB;
const UUID = "0a1b2c3d-4e5f-4061-8273-8495a6b7c8d9";
const label = (text: string, lengthBytes: number) => Buffer.concat([Buffer.from(text), Buffer.alloc(lengthBytes)]).subarray(0, lengthBytes);
const utf16 = (text: string) => Buffer.from(text, "utf16le");

/** A structure with its magic, where the table says that it lies; `seal` fills in the checksum. */
function written<T>({ superblock }: { superblock: Superblock<T> }, values: T, sizeBytes: number, seal: (bytes: Buffer) => void = () => {}): Piece[] {
  const bytes = superblock.layout.encode(values);
  bytes.write(superblock.magic.bytes, superblock.magic.at, "latin1");
  seal(bytes);
  const [start = 0] = superblock.startBytes;
  return [{ at: start < 0 ? sizeBytes + start : start, bytes }];
}

function bitlocker(kind: "7" | "to go"): Piece[] {
  const text = utf16("A BitLocker volume\0");
  const entry = Buffer.concat([bitlockerEntry.encode({ sizeBytes: 8 + text.length, kind: 7, valueType: 2 }), text]);
  const key = bitlockerEntry.encode({ sizeBytes: 8, kind: 2, valueType: 8 });
  const metadata = bitlockerMetadata.encode({ signature: "-FVE-FS-", version: 2, sizeBytes: 48 + key.length + entry.length, volumeGuid: UUID });
  const boot = (kind === "7" ? bitlockerSector : bitlockerToGoSector).encode({ metadataByte: 65536n });
  boot.write(kind === "7" ? "\xeb\x58\x90-FVE-FS-" : "\xeb\x58\x90MSWIN4.1", "latin1");
  return [{ at: 0, bytes: boot }, { at: 65536, bytes: Buffer.concat([metadata, key, entry]) }];
}

function bcache(): Piece[] {
  const bytes = Buffer.concat([bcacheSuperblock.encode({ checksum: 0n, startSector: 8n, version: 3n, magic: BCACHE_MAGIC, uuid: UUID, label: label("cache", 32), blockSectors: 8, journalBuckets: 2 }), Buffer.alloc(16, 5)]);
  bytes.writeBigUInt64LE(crc64(bytes.subarray(8)));
  return [{ at: 4096, bytes }];
}

function bcachefs(checksumType: 1 | 2 | 7, startByte = 4096): Piece[] {
  const members = Buffer.concat([
    bcachefsField.encode({ words: 2 + 14, type: 11 }), Buffer.from([56, 0, 0, 0, 0, 0, 0, 0]),
    ...[0, 1].map((index) => Buffer.concat([bcachefsMember.encode({ uuid: `${index}${UUID.slice(1)}`, buckets: 16n, bucketSectors: 128 }), Buffer.alloc(28)])),
  ]);
  const bytes = Buffer.concat([bcachefsSuperblock.encode({
    checksum: 0n, version: (1 << 10) | 33, magic: BCACHEFS_MAGIC, uuid: UUID, label: label("bcachefs label", 32), startSector: BigInt(startByte / 512),
    blockSectors: 8, deviceIndex: 1, devices: 2, fieldWords: members.length / 8, flags: checksumType << 2, maxSizeLog: 11,
  }), members]);
  const sum = { 1: (covered: Buffer) => BigInt(crc32c(covered)), 2: crc64, 7: xxh64 }[checksumType](bytes.subarray(16));
  bytes.writeBigUInt64LE(sum);
  return [{ at: startByte, bytes }];
}

function hammer2(order: typeof hammer2Little, copies: bigint[]): Piece[] {
  return copies.map((mirrorTid, index) => {
    const bytes = order.encode({ magic: 0x48414d3205172011n, volumeBytes: BigInt(4 * 1024 * MIB), version: 2, fsid: UUID, mirrorTid, checksum: 0 });
    const crc = crc32c(bytes.subarray(0, 508));
    if (order === hammer2Big) bytes.writeUInt32BE(crc, 508);
    else bytes.writeUInt32LE(crc, 508);
    return { at: index * 2048 * MIB, bytes };
  });
}

/** Name-value pairs in XDR, sealed as the label that begins at `labelByte`. */
function zfs(labelByte: number, isLittle = true): Piece[] {
  const u32 = (...values: number[]) => Buffer.concat(values.map((value) => { const four = Buffer.alloc(4); four.writeUInt32BE(value); return four; }));
  const text = (value: string) => Buffer.concat([u32(value.length), label(value, Math.ceil(value.length / 4) * 4)]);
  const pair = (name: string, value: Buffer) => { const rest = Buffer.concat([text(name), value]); return Buffer.concat([u32(rest.length + 8, 0), rest]); };
  const number = (name: string, value: bigint) => { const eight = Buffer.alloc(8); eight.writeBigUInt64BE(value); return pair(name, Buffer.concat([u32(8, 1), eight])); };
  const tree = pair("vdev_tree", Buffer.concat([u32(19, 1), u32(0, 1), number("ashift", 12n), u32(0, 0)]));
  const pairs = Buffer.concat([Buffer.from([1, isLittle ? 1 : 0, 0, 0]), u32(0, 1),
    number("version", 5000n), pair("name", Buffer.concat([u32(9, 1), text("tank")])), number("state", 0n), number("txg", 4n),
    number("pool_guid", 1234567890123456789n), number("guid", 42n), tree, u32(0, 0)]);
  const bytes = Buffer.concat([pairs, Buffer.alloc(112 * 1024 - pairs.length)]);
  const seal = bytes.length - 40;
  const words = isLittle ? "writeBigUInt64LE" : "writeBigUInt64BE";
  bytes[words](0x0210da7ab10c7a11n, seal);
  bytes[words](BigInt(labelByte + 16384), seal + 8);
  const digest = createHash("sha256").update(bytes).digest();
  bytes.set(isLittle ? digest.swap64() : digest, seal + 8);
  // Uberblocks: what the older blkid goes by.
  const uberblocks = Buffer.alloc(8 * 1024);
  for (let at = 0; at < uberblocks.length; at += 1024) for (const [field, value] of [0x00bab10cn, 5000n, 4n, 42n].entries()) uberblocks[words](value, at + field * 8);
  return [{ at: labelByte + 16384, bytes }, { at: labelByte + 128 * 1024, bytes: uberblocks }];
}

function befs(index: 0 | 1): Piece[] {
  const { attribute, inode, superblock } = befsOrders[index]!;
  const bytes = superblock.encode({
    name: label("befs label", 32), magic1: 0x42465331, byteOrder: 0x42494745, blockBytes: 2048, blockLog: 11, magic2: 0xdd121031, groupLog: 10,
    magic3: 0x15b6830e, rootGroup: 0, rootBlock: 8,
  });
  if (index === 1) bytes.writeUInt16BE(1, 122); // the length of the root directory's inode, in blocks
  else bytes.writeUInt16LE(1, 122);
  const root = Buffer.concat([inode.encode({ magic: 0x3bbe0ad9 }), attribute.encode({ type: 0x554c4c47, nameBytes: 12, valueBytes: 8, name: Buffer.from("be:volume_id"), value: 0x0123456789abcdefn }), Buffer.alloc(2048 - 263)]);
  if (index === 1) root.writeInt32BE(2048, 64); // the inode's size
  else root.writeInt32LE(2048, 64);
  return [{ at: 512, bytes }, { at: 8 * 2048, bytes: root }];
}

/** An HFS of 512-byte blocks, whose ninth is the start of an HFS+. */
function wrappedHfsPlus(): Piece[] {
  const mdb = hfsMasterBlock.encode({
    signature: "BD", bitmapSector: 3, blocks: 100, blockBytes: 512, firstBlockSector: 16, labelBytes: 7, label: label("Wrapper", 27), id: Buffer.alloc(8),
    embeddedSignature: "H+", embeddedBlock: 8,
  });
  return [{ at: 1024, bytes: mdb }, { at: (16 + 8) * 512, bytes: fixtureBytes("rarer/hfsplus.img.gz") }];
}

function highSierra(): Piece[] {
  const date = (text: string) => Buffer.concat([Buffer.from(text), Buffer.alloc(17)]);
  const bytes = isoDescriptor.encode({
    type: 1, id: "CDROM", version: 1, volumeId: Buffer.from("HIGH SIERRA".padEnd(32)), blocksLe: 100, blocksBe: 100, escapes: "", blockBytesLe: 2048, blockBytesBe: 2048,
    createdHighSierra: date("1986052812000000").subarray(0, 16), modifiedHighSierra: date("1986070112000000").subarray(0, 16), created: Buffer.alloc(17), modified: Buffer.alloc(17),
  });
  bytes.set(date("1986052812000000").subarray(0, 16), 782);
  bytes.set(date("1986070112000000").subarray(0, 16), 798);
  return [{ at: 32768 + 8, bytes }];
}

const remains = { mayBeRemains: true } as const;
const DISKS: Disk[] = [
  { name: "BitLocker of Windows 7", pieces: bitlocker("7"), sizeBytes: MIB, content: { type: "BitLocker", version: "2", uuid: UUID, label: "A BitLocker volume" }, blkid: "type" },
  { name: "BitLocker To Go", pieces: bitlocker("to go"), sizeBytes: MIB, content: { type: "BitLocker", version: "2", uuid: UUID, label: "A BitLocker volume" }, blkid: "type" },
  { name: "BitLocker of Vista", pieces: [{ at: 0, bytes: Buffer.from("\xeb\x52\x90-FVE-FS-", "latin1") }], sizeBytes: MIB, content: { type: "BitLocker" } },
  { name: "bcache", pieces: bcache(), sizeBytes: MIB, content: { type: "bcache", version: "3", uuid: UUID, label: "cache", blockSizeBytes: 4096, ...remains }, blkid: "type" },
  ...([1, 2, 7] as const).map((checksum): Disk => ({
    name: `bcachefs with checksum ${checksum}`, pieces: bcachefs(checksum), sizeBytes: MIB,
    content: { type: "bcachefs", version: "1.33", uuid: UUID, label: "bcachefs label", blockSizeBytes: 4096, sizeBytes: MIB, member: { uuid: `1${UUID.slice(1)}`, id: 1, count: 2 }, ...remains }, blkid: "nothing",
  })),
  { name: "HAMMER2", pieces: hammer2(hammer2Little, [5n]), sizeBytes: 4096 * MIB, content: { type: "hammer2", version: "2", uuid: UUID, sizeBytes: 4096 * MIB }, blkid: "nothing" },
  { name: "HAMMER2 of the other byte order", pieces: hammer2(hammer2Big, [5n, 6n]), sizeBytes: 4096 * MIB, content: { type: "hammer2", version: "2", uuid: UUID, sizeBytes: 4096 * MIB }, blkid: "nothing" },
  { name: "ZFS, the first label", pieces: zfs(0), sizeBytes: 64 * MIB, content: { type: "zfs_member", version: "5000", uuid: "1234567890123456789", label: "tank", blockSizeBytes: 4096, ...remains } },
  { name: "ZFS, the last label, of the other byte order", pieces: zfs(64 * MIB - 256 * 1024, false), sizeBytes: 64 * MIB + 4096, content: { type: "zfs_member", version: "5000", uuid: "1234567890123456789", label: "tank", blockSizeBytes: 4096, ...remains } },
  ...([0, 1] as const).map((index): Disk => ({
    name: `BeFS, ${["little", "big"][index]}-endian`, pieces: befs(index), sizeBytes: 2 * MIB,
    content: { type: "befs", version: `${["little", "big"][index]}-endian`, uuid: "0123456789abcdef", label: "befs label", blockSizeBytes: 2048, ...remains },
  })),
  { name: "HFS+ in HFS", pieces: wrappedHfsPlus(), sizeBytes: MIB, content: { type: "hfsplus", label: "Hfs Plus", blockSizeBytes: 2048, sizeBytes: 24 * 512 + 20480, ...remains } },
  { name: "High Sierra", pieces: highSierra(), sizeBytes: MIB, content: { type: "iso9660", version: "High Sierra", uuid: "1986-07-01-12-00-00-00", label: "HIGH SIERRA", blockSizeBytes: 2048, sizeBytes: 204800, ...remains }, blkid: "type" },
  {
    name: "dm-integrity", sizeBytes: MIB, content: { type: "DM_integrity", version: "5" },
    pieces: [{ at: 0, bytes: integritySuperblock.encode({ magic: "integrt", version: 5, interleaveLog: 15, tagBytes: 4, journalSections: 6, dataSectors: 1536n, flags: 0x1a, blockLog: 3, bitmapLog: 0, recalculatedSectors: 8n, salt: Buffer.alloc(16, 3) }) }],
  },
  { name: "Reiser4", pieces: written(other.probeReiser4, { blockUnits: 16, uuid: UUID, label: label("reiser4", 16) }, MIB), sizeBytes: MIB, content: { type: "reiser4", version: "4", uuid: UUID, label: "reiser4", blockSizeBytes: 4096, ...remains }, blkid: "type" },
  { name: "VxFS of HP-UX", pieces: written(foreign.probeVxfsBig, { version: 5, blockBytes: 1024 }, MIB), sizeBytes: MIB, content: { type: "vxfs", version: "5", blockSizeBytes: 1024, ...remains } },
  { name: "NSS", pieces: written(foreign.probeNss, { major: 3, minor: 1, mediaMajor: 43, mediaMinor: 2, packedBytes: 636, poolId: UUID }, MIB), sizeBytes: MIB, content: { type: "nss", version: "43.02", uuid: UUID, ...remains } },
  { name: "VMFS", pieces: written(foreign.probeVmfs, { volumeVersion: 3, version: 5, id: Buffer.from("0a1b2c3d4e5f60718293a4b5c6d7e8f9", "hex"), label: label("vmfs label", 128) }, 4 * MIB), sizeBytes: 4 * MIB, content: { type: "VMFS", version: "5", uuid: "3d2c1b0a-71605f4e-9382-a4b5c6d7e8f9", label: "vmfs label", ...remains } },
  { name: "a member of VMFS", pieces: written(foreign.probeVmfsMember, { version: 3, volume: "49edf842-dcb35d37-b383-0021280083cf" }, 4 * MIB), sizeBytes: 4 * MIB, content: { type: "VMFS_volume_member", version: "3", uuid: "49edf842-dcb35d37-b383-0021280083cf", ...remains } },
  { name: "ScoutFS", pieces: written(foreign.probeScoutfsMeta, { checksum: 0, version: 2n, flags: 1n, uuid: UUID }, MIB, (bytes) => bytes.writeUInt32LE(crc32cRaw(0xffffffff, bytes.subarray(4)))), sizeBytes: MIB, content: { type: "scoutfs_meta", version: "2", uuid: UUID, blockSizeBytes: 65536, ...remains }, blkid: "nothing" },
  { name: "FileVault 2", pieces: written(foreign.probeFvault2, { checksum: 0, seed: 7, version: 1, kind: 16, checksumType: 1, keyBytes: 16, cipher: 2, uuid: UUID }, MIB, (bytes) => bytes.writeUInt32LE(crc32cRaw(7, bytes.subarray(8)))), sizeBytes: MIB, content: { type: "cs_fvault2", version: "1", uuid: UUID }, blkid: "nothing" },
  { name: "drbdmanage", pieces: [...written(foreign.probeDrbdmanage, { uuid: "8765f402dcb246529acee269b0ba8f2e", lineFeed: 10 }, MIB), { at: 4096, bytes: Buffer.from("1adb98a200000001", "hex") }], sizeBytes: MIB, content: { type: "drbdmanage_control_volume", version: "1", uuid: "8765f402dcb246529acee269b0ba8f2e" } },
  { name: "DRBD 8", pieces: written(raid.probeDrbd8, { deviceUuid: 0x4242n, bytesPerBit: 4096, reserved: Buffer.alloc(3996) }, RAID), sizeBytes: RAID, content: { type: "drbd", version: "v08", uuid: "4242", ...remains } },
  { name: "DRBD 9", pieces: written(raid.probeDrbd9, { deviceUuid: 0x123456789abcdefn, bytesPerBit: 4096, reserved: Buffer.alloc(2704) }, RAID), sizeBytes: RAID, content: { type: "drbd", version: "v09", uuid: "123456789abcdef", ...remains } },
  { name: "Adaptec", pieces: written(raid.probeAdaptec, { magic: 0x37fc4d1e, version: 8 }, RAID), sizeBytes: RAID, content: { type: "adaptec_raid_member", version: "8", ...remains } },
  { name: "Intel", pieces: written(raid.probeIsw, { version: "1.0.00" }, RAID), sizeBytes: RAID, content: { type: "isw_raid_member", version: "1.0.00", ...remains } },
  { name: "LSI", pieces: written(raid.probeLsi, {}, RAID), sizeBytes: RAID, content: { type: "lsi_mega_raid_member", ...remains } },
  { name: "VIA", pieces: written(raid.probeVia, { version: 1, capacityHigh: 0, checksum: 0, reserved: Buffer.alloc(460) }, RAID), sizeBytes: RAID, content: { type: "via_raid_member", version: "1", ...remains } },
  { name: "HighPoint", pieces: written(raid.probeHpt37x, { reserved: Buffer.alloc(32), state: 0xf0, disks: 2, kind: 7, disk: 0 }, RAID), sizeBytes: RAID, content: { type: "hpt37x_raid_member", ...remains } },
];

function source({ name, pieces, sizeBytes }: Pick<Disk, "name" | "pieces" | "sizeBytes">): Source {
  return {
    name, sizeBytes,
    async read(offsetBytes, lengthBytes) {
      const bytes = Buffer.alloc(lengthBytes);
      for (const piece of pieces) {
        const from = Math.max(piece.at, offsetBytes);
        const end = Math.min(piece.at + piece.bytes.length, offsetBytes + lengthBytes);
        if (from < end) piece.bytes.copy(bytes, from - offsetBytes, from - piece.at, end - piece.at);
      }
      return bytes;
    },
  };
}

/** The disk with one byte inverted, by its place on the disk. */
function flipped(name: string, at: number): Source {
  const disk = DISKS.find((one) => one.name === name)!;
  const pieces = disk.pieces.map((piece) => ({ at: piece.at, bytes: Buffer.from(piece.bytes) }));
  const piece = pieces.find((one) => at >= one.at && at < one.at + one.bytes.length)!;
  piece.bytes[at - piece.at]! ^= 0xff;
  return source({ ...disk, pieces });
}

test.each(DISKS)("$name is found as it was written", async (disk) => {
  expect(await probe(source(disk))).toEqual(disk.content);
});

const missing = blkidMissing();
describe.skipIf(missing !== undefined)(`blkid says the same${missing === undefined ? "" : ` (skipped: ${missing})`}`, () => {
  test.each(DISKS.filter(({ blkid }) => blkid !== "nothing"))("of $name", ({ blkid, content, pieces, sizeBytes }) => {
    const facts = blkidOf(pieces, sizeBytes);
    const { label, uuid, type, blockSizeBytes } = content;
    expect(facts.TYPE).toBe(type);
    if (content.version !== undefined && facts.VERSION !== undefined) expect(facts.VERSION).toBe(content.version);
    if (blkid !== "type") expect(asContent(facts)).toEqual({ type, ...(uuid && { uuid }), ...(label && { label }), ...(blockSizeBytes && { blockSizeBytes }) });
  });
});

describe("a changed byte is seen", () => {
  test.each([
    { name: "BitLocker of Windows 7", at: 178, field: "the metadata's place", found: /boot sector names byte \d+ for the FVE metadata, which is not there/ },
    { name: "BitLocker of Windows 7", at: 65536, field: "the metadata", found: /boot sector names byte 65536 for the FVE metadata/ },
    { name: "BitLocker of Windows 7", at: 65536 + 66, field: "the metadata's size", found: /the FVE metadata has \d+ bytes/ },
    { name: "bcache", at: 4096 + 48, field: "the UUID", found: /the superblock's CRC is [0-9a-f]+, the superblock says [0-9a-f]+/ },
    { name: "bcache", at: 4096 + 206, field: "the journal's buckets", found: /superblock's CRC is|its journal has/ },
    { name: "bcache", at: 4096 + 210, field: "a journal bucket", found: /the superblock's CRC is/ },
    ...[1, 2, 7].map((checksum) => ({ name: `bcachefs with checksum ${checksum}`, at: 4096 + 60, field: "the UUID", found: /superblock at byte 4096: its checksum is [0-9a-f]+, it says [0-9a-f]+/ })),
    { name: "bcachefs with checksum 1", at: 4096 + 122, field: "the device's index", found: /it is device 254 of 2/ },
    { name: "bcachefs with checksum 1", at: 4096 + 126, field: "the length", found: /it has \d+ bytes/ },
    { name: "bcachefs with checksum 1", at: 4096 + 257, field: "the largest length", found: /it has \d+ bytes/ },
    { name: "HAMMER2", at: 64, field: "the UUID", found: /header 1: its CRC is 0x[0-9a-f]{8}, it says 0x/ },
    { name: "dm-integrity", at: 8, field: "the version", found: /its version is 250; known: 1 to 6/ },
    { name: "dm-integrity", at: 9, field: "the interleave", found: /its tags lie 1 << 240 sectors apart/ },
    { name: "dm-integrity", at: 28, field: "the block size", found: /a block has 1 << 252 sectors/ },
    { name: "dm-integrity", at: 23, field: "the size", found: /which no disk has room for/ },
  ])("$name: $field is refused", async ({ at, found, name }) => {
    await expect(probe(flipped(name, at))).rejects.toThrow(found);
  });

  test.each([
    { name: "ZFS, the first label", at: 16384 + 1000, field: "the pairs" },
    { name: "ZFS, the first label", at: 128 * 1024 - 1, field: "the checksum" },
    { name: "BeFS, little-endian", at: 512 + 68, field: "the second magic" },
    { name: "BeFS, little-endian", at: 512 + 44, field: "the block size's logarithm" },
    { name: "Reiser4", at: 65536 + 19, field: "the block size" },
    { name: "VxFS of HP-UX", at: 8192 + 34, field: "the block size" },
    { name: "NSS", at: 4096 + 5, field: "the version" },
    { name: "VMFS", at: 2 * MIB + 6, field: "the version" },
    { name: "a member of VMFS", at: MIB + 540, field: "the UUID" },
    { name: "ScoutFS", at: 65536 + 60, field: "the UUID" },
    { name: "FileVault 2", at: 310, field: "the UUID" },
    { name: "drbdmanage", at: 12, field: "the UUID" },
    { name: "DRBD 8", at: RAID - 4096 + 82, field: "the bytes of a bit" },
    { name: "DRBD 8", at: RAID - 1, field: "what is reserved" },
    { name: "Adaptec", at: RAID - 512, field: "the first magic" },
    { name: "VIA", at: RAID - 512 + 2, field: "the version" },
    { name: "VIA", at: RAID - 512 + 20, field: "what the sum is over" },
    { name: "VIA", at: RAID - 512 + 100, field: "what is reserved" },
    { name: "BitLocker To Go", at: 442, field: "the metadata's place" },
    { name: "BitLocker of Vista", at: 5, field: "the signature" },
    { name: "HFS+ in HFS", at: 1024 + 23, field: "the block size" },
    { name: "High Sierra", at: 32768 + 8 + 1, field: "the identifier" },
    { name: "DRBD 9", at: RAID - 4096 + 82, field: "the bytes of a bit" },
    { name: "DRBD 9", at: RAID - 1, field: "what is reserved" },
    { name: "Intel", at: RAID - 1024 + 5, field: "the signature" },
    { name: "LSI", at: RAID - 512 + 2, field: "the signature" },
    { name: "HighPoint", at: 4608 + 3, field: "what is reserved" },
    { name: "HighPoint", at: 4608 + 50, field: "the kind" },
  ])("$name: without $field it is nothing", async ({ at, name }) => {
    expect(await probe(flipped(name, at))).toBeUndefined();
  });
});

test("a bcachefs whose first superblock is damaged is read from its last, and that is told", async () => {
  const sizeBytes = 8 * MIB;
  const [first] = bcachefs(2) as [Piece];
  first.bytes[60]! ^= 1;
  const content = await probe(source({ name: "two copies", sizeBytes, pieces: [first, ...bcachefs(7, sizeBytes - MIB)] }));
  expect(content).toMatchObject({ type: "bcachefs", uuid: UUID, damage: [expect.stringMatching(/^superblock at byte 4096: its checksum is/)] });
});

test("of HAMMER2's headers the newest that is sound is taken", async () => {
  const pieces = hammer2(hammer2Little, [5n, 7n]);
  guidToBytes("11111111-2222-4333-8444-555555555555").copy(pieces[1]!.bytes, 64);
  const reseal = () => pieces[1]!.bytes.writeUInt32LE(crc32c(pieces[1]!.bytes.subarray(0, 508)), 508);
  reseal();
  const disk = { name: "two headers", sizeBytes: 4096 * MIB, pieces };
  expect(await probe(source(disk))).toMatchObject({ uuid: "11111111-2222-4333-8444-555555555555" });
  pieces[1]!.bytes[64]! ^= 1;
  expect(await probe(source(disk))).toMatchObject({ uuid: UUID, damage: [expect.stringMatching(/^header 2: its CRC is/)] });
});

test.each(DISKS)("$name cut short or with bytes changed is a value, nothing, or our error", async (disk) => {
  const tried = async (from: Source) => probe(from).catch((error: unknown) => expect(error).toBeInstanceOf(MkinitrdError));
  const edges = disk.pieces.flatMap(({ at, bytes }) => [at, at + 1, at + 511, at + Math.floor(bytes.length / 2), at + bytes.length - 1]);
  for (const sizeBytes of [0, 3, 511, 512, 4095, 65535, ...edges, disk.sizeBytes - 1, disk.sizeBytes - 512]) {
    const pieces = disk.pieces.flatMap(({ at, bytes }) => (at < sizeBytes ? [{ at, bytes: bytes.subarray(0, sizeBytes - at) }] : []));
    await tried(source({ name: disk.name, sizeBytes, pieces }));
  }
  for (const { at, bytes } of disk.pieces) {
    const used = [...bytes.keys()].filter((index) => bytes[index] !== 0);
    for (let index = 0; index < used.length; index += Math.ceil(used.length / 40)) await tried(flipped(disk.name, at + used[index]!));
  }
});
