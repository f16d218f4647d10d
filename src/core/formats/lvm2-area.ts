import { SECTOR_BYTES, window } from "../binary/source.ts";
import type { Source } from "../binary/source.ts";
import { lvmCrc32 } from "../binary/checksums.ts";
import { bytes, struct, toNumber, u32le, u64le } from "../binary/struct.ts";
import type { Decoded } from "../binary/struct.ts";
import { hex32, MkinitrdError } from "../errors.ts";
import { quote } from "../quote.ts";
import { parseVolumeGroup } from "./lvm2-metadata.ts";
import type { VolumeGroupMetadata } from "./lvm2-metadata.ts";
import { MAX_TEXT_BYTES } from "./lvm2-text.ts";

/** Metadata area header, the area's first sector. lvm2 lib/format_text/layout.h. The rest of the area is a ring of texts. */
const areaHeader = struct("LVM2 metadata area header", 40, {
  crc: u32le(0), // of the sector from byte 4 on
  magic: bytes(4, 16),
  version: u32le(20), // 1
  start: u64le(24), // of the area, in bytes from the start of the device
  size: u64le(32), // of the area in bytes, this header included
});

/** Where a text lies. The first one is in use; the second is written before a change and not valid yet. */
const rawLocation = struct("LVM2 metadata location", 24, {
  offset: u64le(0), // bytes from the area's start; zero: there is none
  size: u64le(8), // bytes, the final zero included
  crc: u32le(16), // of the text
  flags: u32le(20),
});

const MAGIC = Buffer.from(" LVM2 x[5A%r0N*>", "latin1");
/** The area is kept and not written to: its text may be old. */
const FLAG_IGNORED = 1;

/** A range of the device. */
export interface Area {
  offsetBytes: number;
  /** Zero means: up to the end of the device. */
  sizeBytes: number;
}

/**
 * The volume group's metadata in one metadata area of a PV; undefined when it holds none or is marked as ignored.
 * Throws when the header, its checksum or the text's is wrong, and when the text can't be read.
 */
export async function readMetadataArea(source: Source, area: Area): Promise<VolumeGroupMetadata | undefined> {
  const where = `${source.name} at byte ${area.offsetBytes}`;
  const sector = await source.read(area.offsetBytes, SECTOR_BYTES);
  const header = areaHeader.decode(sector);
  const location = rawLocation.decode(sector, areaHeader.sizeBytes);
  checkHeader(sector, header, area, where);
  if (location.offset === 0n || (location.flags & FLAG_IGNORED) !== 0) return undefined;

  const ringSource = window(source, area.offsetBytes, toNumber(header.size, `the size of the metadata area on ${where}`));
  const text = await readRing(ringSource, {
    offsetBytes: toNumber(location.offset, `the offset of the metadata on ${where}`),
    sizeBytes: toNumber(location.size, `the size of the metadata on ${where}`),
  }, where);
  const crc = lvmCrc32(text);
  if (crc !== location.crc) throw failure(where, `the text's CRC is ${hex32(crc)}, its header says ${hex32(location.crc)}`);
  return parseVolumeGroup(text.toString("utf8", 0, endOf(text)), where);
}

/** Without the zeros at the end: of 16 MiB of them, one pattern would take days. */
function endOf(text: Buffer): number {
  let end = text.length;
  while (end > 0 && text[end - 1] === 0) end--;
  return end;
}

function checkHeader(sector: Buffer, header: Decoded<typeof areaHeader>, area: Area, where: string): void {
  if (!header.magic.equals(MAGIC)) throw failure(where, `the magic is ${quote(header.magic.toString("latin1"))}`);
  const crc = lvmCrc32(sector.subarray(4));
  if (crc !== header.crc) throw failure(where, `the header's CRC is ${hex32(crc)}, the header says ${hex32(header.crc)}`);
  if (header.version !== 1) throw failure(where, `the version is ${header.version}, known: 1`);
  if (header.start !== BigInt(area.offsetBytes)) throw failure(where, `the header says that it lies at byte ${header.start}`);
  if (header.size <= BigInt(SECTOR_BYTES)) throw failure(where, `the area has ${header.size} bytes`);
}

/** Bytes of the ring behind the header: what would reach past the end goes on behind the header. */
async function readRing(area: Source, text: Area, where: string): Promise<Buffer> {
  const ringBytes = area.sizeBytes - SECTOR_BYTES;
  if (text.offsetBytes < SECTOR_BYTES || text.offsetBytes >= area.sizeBytes || text.sizeBytes > ringBytes) {
    throw failure(where, `${text.sizeBytes} bytes of text at byte ${text.offsetBytes} of an area of ${area.sizeBytes} bytes`);
  }
  if (text.sizeBytes > MAX_TEXT_BYTES) throw failure(where, `${text.sizeBytes} bytes of text, more than ${MAX_TEXT_BYTES}`);
  const before = Math.min(text.sizeBytes, area.sizeBytes - text.offsetBytes);
  const parts = [await area.read(text.offsetBytes, before)];
  if (before < text.sizeBytes) parts.push(await area.read(SECTOR_BYTES, text.sizeBytes - before));
  return Buffer.concat(parts);
}

function failure(on: string, found: string): MkinitrdError {
  const next = "look at it with: pvck --dump headers";
  return new MkinitrdError({ tried: "reading the LVM2 metadata area", on, found, next });
}
