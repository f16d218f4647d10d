import type { Source } from "../binary/source.ts";
import { ascii, struct, u16be, u16le, u32be, u32le } from "../binary/struct.ts";
import { hasMagic, isPowerOfTwo, readInside } from "./superblock.ts";

/** A partition table whose partitions we don't read, by blkid's PTTYPE word. */
export type OtherTable = "sun" | "atari" | "bsd" | "mac" | "dasd";

/** Sun's disk label, sector 0. Linux block/partitions/sun.c, struct sun_disklabel. */
const sun = struct("Sun disk label", 512, { version: u32be(128), sanity: u32be(188), heads: u16be(436), sectors: u16be(438), magic: u16be(508) });
/** A BSD disklabel. FreeBSD sys/disklabel.h, struct disklabel. Its checksum says little: parted's is wrong. */
const bsd = struct("BSD disklabel", 148, { magic: u32le(0), sectorBytes: u32le(40), magic2: u32le(132), partitions: u16le(138) });
/** Apple's driver descriptor, block 0, and the partition map's first entry, block 1. Inside Macintosh: Devices, chapter 3. */
const mac = struct("Apple driver descriptor", 8, { signature: ascii(0, 2), blockBytes: u16be(2) });
/** Atari's root sector; four entries from byte 454 on. Linux block/partitions/atari.h, struct rootsector. */
const atari = struct("Atari root sector", 512, { sectors: u32be(450) });

const BSD_MAGIC = 0x82564557;
const BSD_PLACES = [512, 64, 128, 0];
const MOST_BSD_PARTITIONS = 22;
const ATARI_ENTRY_BYTES = 12; // flags, three letters, first sector, sectors
const ATARI_FLAGS = [0x01, 0x81]; // there; and to boot from
/** Labels of IBM's disks in block 2, in EBCDIC: the key VOL1 and the label VOL1; LNX1 and CMS1. Linux arch/s390/include/uapi/asm/dasd.h. */
const DASD_LABELS = ["\xe5\xd6\xd3\xf1\xe5\xd6\xd3\xf1", "\xd3\xd5\xe7\xf1", "\xc3\xd4\xe2\xf1"];
const DASD_BLOCKS = [512, 1024, 2048, 4096];
const DASD_LABEL_BYTES = 80;

/** Undefined where none of them is; each has a long signature, or fields enough that noise is none. Reads at most 4 KiB. */
export async function probeOtherTable(source: Source): Promise<OtherTable | undefined> {
  const first = await readInside(source, 0, 1024);
  if (first === undefined) return undefined;
  if (isSun(first)) return "sun";
  if (BSD_PLACES.some((at) => isBsd(first.subarray(at)))) return "bsd";
  if (await isMac(source, first)) return "mac";
  for (const blockBytes of DASD_BLOCKS) {
    const label = await readInside(source, 2 * blockBytes, DASD_LABEL_BYTES);
    if (label !== undefined && isDasd(label)) return "dasd";
  }
  return isAtari(first, source.sizeBytes) ? "atari" : undefined;
}

/** The 16-bit words add up, without carry, to zero. */
function sumsUp(raw: Buffer): boolean {
  let sum = 0;
  for (let at = 0; at + 2 <= raw.length; at += 2) sum ^= raw.readUInt16LE(at);
  return sum === 0;
}

function isSun(first: Buffer): boolean {
  const { heads, magic, sanity, sectors, version } = sun.decode(first);
  const hasVtoc = sanity === 0x600ddeee && version === 1;
  return magic === 0xdabe && heads > 0 && sectors > 0 && (hasVtoc || (sanity === 0 && version === 0)) && sumsUp(first.subarray(0, 512));
}

function isBsd(raw: Buffer): boolean {
  if (raw.length < bsd.sizeBytes) return false;
  const { magic, magic2, partitions, sectorBytes } = bsd.decode(raw);
  return magic === BSD_MAGIC && magic2 === BSD_MAGIC && partitions <= MOST_BSD_PARTITIONS && isPowerOfTwo(sectorBytes, 512, 4096);
}

async function isMac(source: Source, first: Buffer): Promise<boolean> {
  const { blockBytes, signature } = mac.decode(first);
  if (signature !== "ER" || !isPowerOfTwo(blockBytes, 512, 4096)) return false;
  const entry = await readInside(source, blockBytes, 80);
  return entry !== undefined && (hasMagic(entry, 0, "PM\0\0") || hasMagic(entry, 0, "TS\0\0"));
}

/** Behind a lone label come six letters or digits and spaces. */
function isDasd(label: Buffer): boolean {
  const [key, ...alone] = DASD_LABELS as [string, ...string[]];
  if (hasMagic(label, 0, key)) return true;
  return alone.some((magic) => hasMagic(label, 0, magic)) && label.subarray(10, 79).every((byte) => byte === 0x40 || byte === 0);
}

/** It has no magic: each of the four entries must be absent or lie on the disk, and one must be there. */
function isAtari(first: Buffer, sizeBytes: number): boolean {
  const { sectors } = atari.decode(first);
  if (sectors < 2 || sectors > sizeBytes / 512) return false;
  const entries = [454, 466, 478, 490].map((at) => first.subarray(at, at + ATARI_ENTRY_BYTES));
  const isThere = (entry: Buffer) => (entry[0]! & 1) === 1;
  return entries.some(isThere) && entries.every((entry) => (isThere(entry) ? isAtariPartition(entry, sectors) : entry[0] === 0 && /^(\0{3}|[A-Z0-9]{3})$/.test(entry.toString("latin1", 1, 4))));
}

function isAtariPartition(entry: Buffer, sectors: number): boolean {
  const [start, length] = [entry.readUInt32BE(4), entry.readUInt32BE(8)];
  return ATARI_FLAGS.includes(entry[0]!) && /^[A-Z0-9]{3}$/.test(entry.toString("latin1", 1, 4)) && start > 0 && length > 0 && start + length <= sectors;
}
