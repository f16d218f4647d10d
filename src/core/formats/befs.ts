import type { Source } from "../binary/source.ts";
import { bytes, struct, u16be, u16le, u32be, u32le, u64be, u64le } from "../binary/struct.ts";
import type { Content } from "./content.ts";
import { identity, labelText } from "./label.ts";
import { readInside } from "./superblock.ts";

/** Superblock, in either byte order. Practical File System Design (Giampaolo), chapter 4; Linux fs/befs/befs_fs_types.h. */
const superblock = (u16: typeof u16le, u32: typeof u32le) => struct("BeFS superblock", 148, {
  name: bytes(0, 32),
  magic1: u32(32), // "BFS1"
  byteOrder: u32(36), // "BIGE"
  blockBytes: u32(40),
  blockLog: u32(44),
  magic2: u32(68),
  groupLog: u32(76), // blocks of an allocation group: 1 << this
  magic3: u32(112),
  rootGroup: u32(116), // where the root directory's inode lies
  rootBlock: u16(120),
});
/** The root directory's inode; small attributes follow it. */
const inode = (u32: typeof u32le) => struct("BeFS inode", 232, { magic: u32(0) });
/** A small attribute: its name, three bytes, its value, one byte. */
const attribute = (u16: typeof u16le, u32: typeof u32le, u64: typeof u64le) => struct("BeFS attribute", 31, {
  type: u32(0),
  nameBytes: u16(4),
  valueBytes: u16(6),
  name: bytes(8, 12),
  value: u64(23),
});
export const befsOrders = [
  { version: "little-endian", superblock: superblock(u16le, u32le), inode: inode(u32le), attribute: attribute(u16le, u32le, u64le) },
  { version: "big-endian", superblock: superblock(u16be, u32be), inode: inode(u32be), attribute: attribute(u16be, u32be, u64be) },
];

const MAGIC1 = 0x42465331;
const MAGIC2 = 0xdd121031;
const MAGIC3 = 0x15b6830e;
const BYTE_ORDER = 0x42494745;
const INODE_MAGIC = 0x3bbe0ad9;
const COPIES = [0, 512];
const VOLUME_ID = { name: "be:volume_id", type: 0x554c4c47 }; // a number of 64 bits

/**
 * A BeFS; its UUID is the root directory's attribute be:volume_id where that lies in the inode's own block. Undefined
 * without the three magic numbers and a block size that the format has. Reads at most 9 KiB.
 */
export async function probeBefs(source: Source): Promise<Content | undefined> {
  for (const startByte of COPIES) {
    for (const order of befsOrders) {
      const raw = await readInside(source, startByte, order.superblock.sizeBytes);
      if (raw === undefined) continue;
      const { blockBytes, blockLog, byteOrder, groupLog, magic1, magic2, magic3, name, rootBlock, rootGroup } = order.superblock.decode(raw);
      if (magic1 !== MAGIC1 || magic2 !== MAGIC2 || magic3 !== MAGIC3 || byteOrder !== BYTE_ORDER) continue;
      if (blockLog < 10 || blockLog > 13 || blockBytes !== 1 << blockLog || groupLog > 32) continue;
      const root = await readInside(source, (rootGroup * 2 ** groupLog + rootBlock) * blockBytes, blockBytes);
      return { type: "befs", version: order.version, ...identity(root && findVolumeId(root, order), labelText(name)), blockSizeBytes: blockBytes };
    }
  }
  return undefined;
}

function findVolumeId(root: Buffer, { inode, attribute }: (typeof befsOrders)[number]): string | undefined {
  if (inode.decode(root).magic !== INODE_MAGIC) return undefined;
  for (let at = inode.sizeBytes; at + attribute.sizeBytes <= root.length;) {
    const { name, nameBytes, type, value, valueBytes } = attribute.decode(root, at);
    if (type === 0 && nameBytes === 0) return undefined;
    if (type === VOLUME_ID.type && nameBytes === VOLUME_ID.name.length && valueBytes === 8 && name.toString("latin1") === VOLUME_ID.name) return value.toString(16).padStart(16, "0");
    at += 8 + nameBytes + 3 + valueBytes + 1;
  }
  return undefined;
}
