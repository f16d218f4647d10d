import type { Source } from "../binary/source.ts";
import { struct, u16be, u16le, u32be, u32le } from "../binary/struct.ts";
import type { Content } from "./content.ts";
import { isPowerOfTwo, readInside } from "./superblock.ts";

/** Superblocks of MINIX 1 and 2, and of 3, in either byte order. Linux include/uapi/linux/minix_fs.h. */
const old = (u16: typeof u16le, u32: typeof u32le) => struct("MINIX superblock", 24, {
  inodes: u16(0),
  zones16: u16(2), // version 1
  inodeMapBlocks: u16(4),
  zoneMapBlocks: u16(6),
  firstZone: u16(8),
  zoneLog: u16(10), // zones are blocks: 0
  magic: u16(16),
  state: u16(18),
  zones32: u32(20), // version 2
});
const third = (u16: typeof u16le, u32: typeof u32le) => struct("MINIX 3 superblock", 32, {
  inodes: u32(0),
  inodeMapBlocks: u16(6),
  zoneMapBlocks: u16(8),
  firstZone: u16(10),
  zoneLog: u16(12),
  zones: u32(20),
  magic: u16(24),
  blockBytes: u16(28),
});
const ORDERS = [{ old: old(u16le, u32le), third: third(u16le, u32le) }, { old: old(u16be, u32be), third: third(u16be, u32be) }];

const SUPERBLOCK_BYTE = 1024;
const MAGICS: Record<number, string> = { 0x137f: "1", 0x138f: "1", 0x2468: "2", 0x2478: "2" };
const MAGIC_3 = 0x4d5a;
const BLOCK_BYTES = 1024;
const KNOWN_STATE = 0x3; // clean, with errors

/** A MINIX filesystem; it has neither UUID nor label. Undefined unless all sizes fit one another: the magic has two bytes. Reads 32 bytes. */
export async function probeMinix(source: Source): Promise<Content | undefined> {
  const raw = await readInside(source, SUPERBLOCK_BYTE, 32);
  if (raw === undefined) return undefined;
  for (const order of ORDERS) {
    const { magic, state, zones16, zones32, ...sizes } = order.old.decode(raw);
    const version = MAGICS[magic];
    const zones = version === "1" ? zones16 : zones32;
    if (version !== undefined && (state & ~KNOWN_STATE) === 0 && fits({ ...sizes, zones, blockBytes: BLOCK_BYTES }, source)) return content(version, zones, BLOCK_BYTES);
    const newer = order.third.decode(raw);
    if (newer.magic === MAGIC_3 && isPowerOfTwo(newer.blockBytes, BLOCK_BYTES, 32768) && fits(newer, source)) return content("3", newer.zones, newer.blockBytes);
  }
  return undefined;
}

interface Sizes { inodes: number; inodeMapBlocks: number; zoneMapBlocks: number; firstZone: number; zoneLog: number; zones: number; blockBytes: number }

/** Boot block, superblock, the two maps with a bit for each inode and zone, and the inodes come before the first zone. */
function fits({ blockBytes, firstZone, inodeMapBlocks, inodes, zoneLog, zoneMapBlocks, zones }: Sizes, source: Source): boolean {
  const bits = BLOCK_BYTES * 8;
  return zoneLog === 0 && inodes > 0 && inodeMapBlocks * bits >= inodes + 1 && zoneMapBlocks * bits >= zones - firstZone + 1 &&
    firstZone >= 2 + inodeMapBlocks + zoneMapBlocks && firstZone <= zones && zones * blockBytes <= source.sizeBytes * 2;
}

function content(version: string, zones: number, blockSizeBytes: number): Content {
  return { type: "minix", version, blockSizeBytes, sizeBytes: zones * blockSizeBytes };
}
