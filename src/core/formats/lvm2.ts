import { checkRange, SECTOR_BYTES } from "../binary/source.ts";
import type { Source } from "../binary/source.ts";
import { lvmCrc32 } from "../binary/checksums.ts";
import { ascii, bytes, struct, toNumber, u32le, u64le } from "../binary/struct.ts";
import { hex32, MkinitrdError } from "../errors.ts";
import { quote } from "../quote.ts";
import { readMetadataArea } from "./lvm2-area.ts";
import type { Area } from "./lvm2-area.ts";
import type { VolumeGroupMetadata } from "./lvm2-metadata.ts";

/** Label, in one of the first four sectors. lvm2 lib/label/label.h. */
const labelHeader = struct("LVM2 label", 32, {
  id: ascii(0, 8), // "LABELONE"
  sector: u64le(8), // where this label lies
  crc: u32le(16), // of the sector from byte 20 on
  offset: u32le(20), // of the PV header, from the label's start
  type: ascii(24, 8), // "LVM2 001"
});

/** PV header. lvm2 lib/format_text/layout.h. Two lists of areas follow, each ended by one of zeros. */
const pvHeader = struct("LVM2 PV header", 40, {
  uuid: bytes(0, 32),
  deviceSizeBytes: u64le(32),
});

const areaEntry = struct("LVM2 area", 16, {
  offset: u64le(0), // bytes from the start of the device; zero ends the list
  size: u64le(8), // bytes; zero means: up to the end of the device
});

const LABEL_SECTORS = 4;
/** What the label's checksum does not cover. */
const UNCOVERED_BYTES = 20;

/** A physical volume: its label, its header, and the newest metadata that it carries. */
export interface PhysicalVolume {
  /** With dashes, as LVM prints it: `CNa98w-yhYF-EMPI-jP89-xwLs-ayAS-6URN1k`. */
  pvUuid: string;
  /** Of the device when it was labelled. */
  sizeBytes: number;
  labelSector: number;
  dataAreas: Area[];
  metadataAreas: Area[];
  /** Absent when no metadata area holds any: the PV is in no group, or other PVs of the group hold it. */
  metadata?: VolumeGroupMetadata;
  /** What is wrong with a metadata area, though another is good or none is needed. */
  damage: string[];
}

/**
 * The physical volume in a source; undefined when no sector has a label of LVM2. Every metadata area is read, and the
 * newest valid copy is used; damage to the others is told. Throws when a label or the PV header is damaged.
 */
export async function probeLvm2(source: Source): Promise<PhysicalVolume | undefined> {
  const labels = await findLabels(source);
  let damaged: unknown;
  for (const sector of labels) {
    try {
      return await readPhysicalVolume(source, sector);
    } catch (error) {
      damaged ??= error;
    }
  }
  if (damaged !== undefined) throw damaged;
  return undefined;
}

/** A PV's, VG's or LV's UUID with the dashes that LVM prints it with. */
export function dashedUuid(text: string): string {
  return [6, 10, 14, 18, 22, 26].reduceRight((uuid, at) => `${uuid.slice(0, at)}-${uuid.slice(at)}`, text);
}

/** The sectors that begin like a label of LVM2. */
async function findLabels(source: Source): Promise<number[]> {
  const sectors = Math.min(LABEL_SECTORS, Math.floor(source.sizeBytes / SECTOR_BYTES));
  const head = await source.read(0, sectors * SECTOR_BYTES);
  return Array.from({ length: sectors }, (_, sector) => sector).filter((sector) => {
    const { id, type } = labelHeader.decode(head, sector * SECTOR_BYTES);
    return id === "LABELONE" && type.startsWith("LVM2");
  });
}

async function readPhysicalVolume(source: Source, labelSector: number): Promise<PhysicalVolume> {
  const where = `${source.name}, sector ${labelSector}`;
  const sector = await source.read(labelSector * SECTOR_BYTES, SECTOR_BYTES);
  const at = checkLabel(sector, labelSector, where);
  const header = pvHeader.decode(sector, at);
  const dataAreas = readAreas(sector, at + pvHeader.sizeBytes, where);
  const listBytes = (dataAreas.length + 1) * areaEntry.sizeBytes;
  const metadataAreas = readAreas(sector, at + pvHeader.sizeBytes + listBytes, where);
  const { metadata, damage } = await readCopies(source, metadataAreas);
  return {
    pvUuid: dashedUuid(checkUuid(header.uuid, where)),
    sizeBytes: toNumber(header.deviceSizeBytes, `the size of the physical volume ${source.name}`),
    labelSector,
    dataAreas,
    metadataAreas,
    ...(metadata === undefined ? {} : { metadata }),
    damage,
  };
}

/** Checks a label and gives the offset of the PV header in its sector. */
function checkLabel(sector: Buffer, labelSector: number, where: string): number {
  const label = labelHeader.decode(sector);
  const crc = lvmCrc32(sector.subarray(UNCOVERED_BYTES));
  if (crc !== label.crc) throw failure(where, `the label's CRC is ${hex32(crc)}, the label says ${hex32(label.crc)}`);
  if (label.type !== "LVM2 001") throw failure(where, `the label's type is ${quote(label.type)}, known: LVM2 001`);
  if (label.sector !== BigInt(labelSector)) throw failure(where, `the label says that it lies in sector ${label.sector}`);
  if (label.offset < labelHeader.sizeBytes || label.offset + pvHeader.sizeBytes > SECTOR_BYTES) {
    throw failure(where, `the PV header would lie at byte ${label.offset} of the sector`);
  }
  return label.offset;
}

function checkUuid(uuid: Buffer, where: string): string {
  const text = uuid.toString("latin1");
  if (/^[0-9A-Za-z!#]{32}$/.test(text)) return text;
  throw failure(where, `the PV's UUID is ${quote(text)}`);
}

function readAreas(sector: Buffer, start: number, where: string): Area[] {
  const areas: Area[] = [];
  for (let at = start; at + areaEntry.sizeBytes <= SECTOR_BYTES; at += areaEntry.sizeBytes) {
    const entry = areaEntry.decode(sector, at);
    if (entry.offset === 0n) return areas;
    areas.push({
      offsetBytes: toNumber(entry.offset, `the offset of an area on ${where}`),
      sizeBytes: toNumber(entry.size, `the size of an area on ${where}`),
    });
  }
  throw failure(where, "a list of areas has no end");
}

/** The newest valid copy of the metadata, and what is wrong with the others. */
async function readCopies(source: Source, areas: Area[]): Promise<{ metadata?: VolumeGroupMetadata; damage: string[] }> {
  const copies: VolumeGroupMetadata[] = [];
  const damage: string[] = [];
  for (const area of areas) {
    try {
      checkRange(source, area.offsetBytes, area.sizeBytes);
      const copy = await readMetadataArea(source, area);
      if (copy !== undefined) copies.push(copy);
    } catch (error) {
      if (!(error instanceof MkinitrdError)) throw error;
      damage.push(error.message);
    }
  }
  const newest = copies.toSorted((a, b) => b.seqno - a.seqno)[0];
  if (newest === undefined) return { damage };
  for (const { id, name, seqno } of copies) {
    if (id === newest.id && seqno === newest.seqno) continue;
    damage.push(`${source.name} holds metadata of ${name} (${id}) with seqno ${seqno}; ${newest.name} with ${newest.seqno} was used`);
  }
  return { metadata: newest, damage };
}

function failure(on: string, found: string): MkinitrdError {
  const next = "compare with a backup: vgcfgrestore --list, pvcreate --restorefile --uuid";
  return new MkinitrdError({ tried: "reading the LVM2 label", on, found, next });
}
