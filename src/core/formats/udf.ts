import type { Source } from "../binary/source.ts";
import { ascii, bytes, struct, u16le, u32le, u8 } from "../binary/struct.ts";
import type { Content } from "./content.ts";
import { identity, labelText, utf16Label } from "./label.ts";
import { readInside } from "./superblock.ts";

/** Descriptor tag. ECMA-167, part 3, section 7.2. */
const tag = struct("UDF descriptor tag", 16, { id: u16le(0), checksum: u8(4), block: u32le(12) });
/** Anchor volume descriptor pointer, section 10.2: the main volume descriptor sequence. */
const anchor = struct("UDF anchor", 32, { lengthBytes: u32le(16), block: u32le(20) });
/** Primary volume descriptor, section 10.1. */
const primary = struct("UDF primary volume descriptor", 512, { volumeSetId: bytes(72, 128), charset: bytes(200, 64) });
/** Logical volume descriptor, section 10.6, and UDF 2.60, section 2.2.4. */
const logical = struct("UDF logical volume descriptor", 512, {
  charset: bytes(20, 64),
  volumeId: bytes(84, 128),
  domain: ascii(217, 23), // "*OSTA UDF Compliant"
  revision: u16le(240), // 0x0201 is 2.01
  partitionMaps: u32le(268),
  integrityBytes: u32le(432),
  integrityBlock: u32le(436),
});
/** Logical volume integrity descriptor, section 10.10; UDF's own fields lie behind eight bytes for each partition. */
const integrity = struct("UDF integrity descriptor", 80, { partitions: u32le(72), useBytes: u32le(76) });
const integrityUse = struct("UDF integrity use", 46, { leastRead: u16le(40), leastWrite: u16le(42) });

const STRUCTURES_BYTE = 32 * 1024;
const STRUCTURES = ["BEA01", "BOOT2", "CD001", "CDW02", "TEA01"];
const UDF_STRUCTURES = ["NSR02", "NSR03"];
const BLOCK_SIZES = [512, 1024, 2048, 4096];
const ANCHOR_BLOCKS = [256, 512];
const MAX_BLOCKS = 64;
const PRIMARY = 1;
const ANCHOR = 2;
const LOGICAL = 6;
const TERMINATOR = 8;
const INTEGRITY = 9;
const CHARSET = "OSTA Compressed Unicode";

/**
 * A UDF; its UUID comes from the volume set's name. Undefined without its recognition sequence and an anchor behind it,
 * whose block numbers say how large a block is. Reads at most 36 KiB.
 */
export async function probeUdf(source: Source): Promise<Content | undefined> {
  for (const blockBytes of BLOCK_SIZES) {
    if (!(await isRecognised(source, Math.max(blockBytes, 2048)))) continue;
    for (const block of ANCHOR_BLOCKS) {
      const raw = await readDescriptor(source, block, blockBytes, anchor.sizeBytes);
      if (raw === undefined || tag.decode(raw).id !== ANCHOR) continue;
      return readVolume(source, blockBytes, anchor.decode(raw));
    }
  }
  return undefined;
}

async function isRecognised(source: Source, stepBytes: number): Promise<boolean> {
  for (let index = 0; index < MAX_BLOCKS; index++) {
    const id = (await readInside(source, STRUCTURES_BYTE + index * stepBytes, 7))?.toString("latin1", 1, 6) ?? "";
    if (UDF_STRUCTURES.includes(id)) return true;
    if (!STRUCTURES.includes(id)) return false;
  }
  return false;
}

/** Undefined where the block has no tag of its own: one whose sum is right and that names this block. */
async function readDescriptor(source: Source, block: number, blockBytes: number, lengthBytes: number): Promise<Buffer | undefined> {
  const raw = await readInside(source, block * blockBytes, lengthBytes);
  if (raw === undefined) return undefined;
  const sum = raw.subarray(0, tag.sizeBytes).reduce((total, byte, at) => (at === tag.fields.checksum.offset ? total : total + byte), 0);
  const { block: stated, checksum } = tag.decode(raw);
  return stated === block && checksum === (sum & 0xff) ? raw : undefined;
}

async function readVolume(source: Source, blockBytes: number, { block, lengthBytes }: { block: number; lengthBytes: number }): Promise<Content | undefined> {
  let uuid: string | undefined;
  let volume: { label: string | undefined; revision: number } | undefined;
  for (let index = 0; index < Math.min(MAX_BLOCKS, Math.floor(lengthBytes / blockBytes)); index++) {
    const raw = await readDescriptor(source, block + index, blockBytes, 512);
    const { id } = raw === undefined ? { id: TERMINATOR } : tag.decode(raw);
    if (raw === undefined || id === TERMINATOR) break;
    if (id === PRIMARY && hasCharset(primary.decode(raw).charset)) uuid ??= volumeSetUuid(primary.decode(raw).volumeSetId);
    if (id !== LOGICAL || volume !== undefined || logical.decode(raw).domain !== "*OSTA UDF Compliant") continue;
    const { charset, integrityBlock, integrityBytes, partitionMaps, revision, volumeId } = logical.decode(raw);
    const needed = partitionMaps > 0 && integrityBytes >= 512 ? await neededRevision(source, integrityBlock, blockBytes) : 0;
    volume = { label: hasCharset(charset) ? labelText(Buffer.from(dstring(volumeId) ?? "")) : undefined, revision: Math.max(revision, needed) };
  }
  if (volume === undefined) return undefined;
  const { label, revision } = volume;
  return {
    type: "udf",
    ...(revision === 0 ? {} : { version: `${(revision >> 8).toString(16)}.${(revision & 0xff).toString(16).padStart(2, "0")}` }),
    ...identity(uuid, label),
    blockSizeBytes: blockBytes,
  };
}

/** The revision that a reader and a writer must know, in the descriptor that changes with each mount. */
async function neededRevision(source: Source, block: number, blockBytes: number): Promise<number> {
  const raw = await readDescriptor(source, block, blockBytes, integrity.sizeBytes);
  if (raw === undefined || tag.decode(raw).id !== INTEGRITY) return 0;
  const { partitions, useBytes } = integrity.decode(raw);
  const use = useBytes < integrityUse.sizeBytes ? undefined : await readInside(source, block * blockBytes + integrity.sizeBytes + 8 * partitions, integrityUse.sizeBytes);
  if (use === undefined) return 0;
  const { leastRead, leastWrite } = integrityUse.decode(use);
  return Math.max(leastRead, leastWrite);
}

function hasCharset(charset: Buffer): boolean {
  return charset[0] === 0 && labelText(charset.subarray(1)) === CHARSET;
}

/** OSTA compressed Unicode: 8 or 16 bits a character; the last byte of the field is the length used. UDF 2.60, section 2.1.3. */
function dstring(field: Buffer): string | undefined {
  const text = field.subarray(1, Math.max(1, Math.min(field.at(-1)!, field.length - 1)));
  if (field[0] === 8) return text.toString("latin1");
  return field[0] === 16 ? (utf16Label(text, "be") ?? "") : undefined;
}

/** As libblkid and udftools make it: the first 16 hexadecimal digits of the name, with what is no digit as hexadecimal. */
function volumeSetUuid(field: Buffer): string | undefined {
  const name = Buffer.from(dstring(field) ?? "").subarray(0, 16);
  if (name.length < 8) return undefined;
  const digits = /^[0-9a-f]*/i.exec(name.toString("latin1"))![0].length;
  if (digits === 16) return name.toString("latin1").toLowerCase();
  return digits < 8 ? name.toString("hex", 0, 8) : name.toString("latin1", 0, 8).toLowerCase() + name.toString("hex", 8, 12).padEnd(8, "0");
}
