import { createHash } from "node:crypto";
import type { Source } from "../binary/source.ts";
import { ascii, bytes, struct, u16be, u32be, u8 } from "../binary/struct.ts";
import type { Decoded } from "../binary/struct.ts";
import { uuidFromBytes } from "../binary/guid.ts";
import type { Content } from "./content.ts";
import { identity, labelText, utf16Label } from "./label.ts";
import { isPowerOfTwo, readInside } from "./superblock.ts";

/** Master directory block of HFS. Inside Macintosh: Files, chapter 2, "Master Directory Blocks". */
export const hfsMasterBlock = struct("HFS master directory block", 162, {
  signature: ascii(0, 2), // "BD"
  bitmapSector: u16be(14), // always 3
  blocks: u16be(18),
  blockBytes: u32be(20),
  firstBlockSector: u16be(28),
  labelBytes: u8(36),
  label: bytes(37, 27),
  id: bytes(116, 8), // the last two words of drFndrInfo
  embeddedSignature: ascii(124, 2), // an HFS+ inside: "H+" or "HX"
  embeddedBlock: u16be(126), // where that begins
});

/** Volume header of HFS+. Apple Technical Note TN1150, "Volume Header"; a fork's first extents are inside of it. */
const volumeHeader = struct("HFS+ volume header", 512, {
  signature: ascii(0, 2), // "H+", or "HX": names in either case of letters differ
  version: u16be(2), // 4 and 5
  blockBytes: u32be(40),
  blocks: u32be(44),
  id: bytes(104, 8),
  catalogExtents: bytes(288, 64), // eight pairs of first block and number of blocks
});

/** The catalog's first node. TN1150, "B-trees": node descriptor and header record. */
const headerNode = struct("HFS+ catalog header", 106, { firstLeaf: u32be(24), nodeBytes: u16be(32) });
/** The first leaf; its first record is the root folder's, whose name is the volume's. */
const leafNode = struct("HFS+ catalog leaf", 22, { kind: u8(8), records: u16be(10), parent: u32be(16), characters: u16be(20) });

const HEADER_BYTE = 1024;
const LEAF = 0xff;
const ROOT_PARENT = 1;
const LARGEST_BLOCK = 1024 * 1024 * 1024;
const NAMESPACE = Buffer.from("b3e20f39f29211d697a400306543ecac", "hex"); // kFSUUIDNamespaceSHA1 of Apple's hfs.util

/**
 * An HFS or HFS+, the latter also inside of an HFS wrapper. Undefined unless the fields around the two-letter signature
 * are what the format has there. Reads at most 34 KiB.
 */
export async function probeHfs(source: Source): Promise<Content | undefined> {
  const raw = await readInside(source, HEADER_BYTE, hfsMasterBlock.sizeBytes);
  if (raw === undefined) return undefined;
  const mdb = hfsMasterBlock.decode(raw);
  if (mdb.signature !== "BD") return probeHfsPlus(source, 0);
  const { blockBytes, blocks, bitmapSector, labelBytes } = mdb;
  if (bitmapSector !== 3 || blockBytes === 0 || blockBytes % 512 !== 0 || blocks * blockBytes > source.sizeBytes || labelBytes > mdb.label.length) return undefined;
  if (isHfsPlus(mdb.embeddedSignature)) return probeHfsPlus(source, mdb.firstBlockSector * 512 + mdb.embeddedBlock * blockBytes);
  return { type: "hfs", ...identity(volumeUuid(mdb.id), labelText(mdb.label.subarray(0, labelBytes))), sizeBytes: blocks * blockBytes };
}

async function probeHfsPlus(source: Source, startByte: number): Promise<Content | undefined> {
  const raw = await readInside(source, startByte + HEADER_BYTE, volumeHeader.sizeBytes);
  const header = raw && volumeHeader.decode(raw);
  if (header === undefined || !isHfsPlus(header.signature) || (header.version !== 4 && header.version !== 5)) return undefined;
  if (!isPowerOfTwo(header.blockBytes, 512, LARGEST_BLOCK)) return undefined;
  const { blockBytes, blocks, id } = header;
  return { type: "hfsplus", ...identity(volumeUuid(id), await findLabel(source, startByte, header)), blockSizeBytes: blockBytes, sizeBytes: startByte + blocks * blockBytes };
}

function isHfsPlus(signature: string): boolean {
  return signature === "H+" || signature === "HX";
}

/** The key of the catalog's first leaf record. Undefined when it can't be reached. */
async function findLabel(source: Source, startByte: number, { blockBytes, catalogExtents }: Decoded<typeof volumeHeader>): Promise<string | undefined> {
  const first = await readInside(source, startByte + catalogExtents.readUInt32BE(0) * blockBytes, headerNode.sizeBytes);
  if (first === undefined) return undefined;
  const { firstLeaf, nodeBytes } = headerNode.decode(first);
  if (!isPowerOfTwo(nodeBytes, 512, 32768)) return undefined;
  let block = Math.floor((firstLeaf * nodeBytes) / blockBytes);
  for (let at = 0; at < catalogExtents.length; at += 8) {
    const [startBlock, count] = [catalogExtents.readUInt32BE(at), catalogExtents.readUInt32BE(at + 4)];
    if (block < count) {
      const within = (firstLeaf * nodeBytes) % blockBytes;
      const leaf = await readInside(source, startByte + (startBlock + block) * blockBytes + within, nodeBytes);
      return leaf && nameOf(leaf);
    }
    block -= count;
  }
  return undefined;
}

function nameOf(leaf: Buffer): string | undefined {
  const { characters, kind, parent, records } = leafNode.decode(leaf);
  if (kind !== LEAF || records === 0 || parent !== ROOT_PARENT || characters > 255) return undefined;
  return utf16Label(leaf.subarray(leafNode.sizeBytes, leafNode.sizeBytes + characters * 2), "be");
}

/** Mac OS makes a UUID of the eight bytes that it keeps: version 3, of a namespace of its own. Zeros mean none. */
function volumeUuid(id: Buffer): string | undefined {
  if (id.every((byte) => byte === 0)) return undefined;
  const digest = createHash("md5").update(NAMESPACE).update(id).digest();
  digest[6] = 0x30 | (digest[6]! & 0x0f);
  digest[8] = 0x80 | (digest[8]! & 0x3f);
  return uuidFromBytes(digest);
}
