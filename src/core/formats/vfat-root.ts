import type { Source } from "../binary/source.ts";
import { bytes, struct, u16le, u8 } from "../binary/struct.ts";
import type { FatLayout } from "./vfat.ts";

/** Directory entry. Microsoft FAT specification of 2005, section 6. */
const directoryEntry = struct("FAT directory entry", 32, {
  name: bytes(0, 11), // padded with spaces; its first byte 0: no more entries, 0xe5: deleted, 0x05: stands for 0xe5
  attributes: u8(11),
  clusterHigh: u16le(20),
  clusterLow: u16le(26),
});

const VOLUME_ID = 0x08;
const DIRECTORY = 0x10;
const LONG_NAME = 0x0f;
const ATTRIBUTES = 0x3f;

/** A root directory longer than this is not searched further; libblkid stops at about as many. */
const MAX_CLUSTERS = 100;

/** The 11 bytes of the root directory's volume label; undefined when it has none, or when a part of it can't be reached. */
export async function findVolumeEntry(source: Source, layout: FatLayout): Promise<Buffer | undefined> {
  if (layout.version === "FAT32") return searchClusters(source, layout);
  const start = layout.firstFreeSector * layout.sectorBytes;
  return (await searchDirectory(source, start, layout.rootEntries * directoryEntry.sizeBytes)).label;
}

/** FAT32's root directory is a chain of clusters like any file. */
async function searchClusters(source: Source, layout: FatLayout): Promise<Buffer | undefined> {
  const entries = (layout.fatSectors * layout.sectorBytes) / 4;
  let cluster = layout.rootCluster;
  for (let count = 0; count < MAX_CLUSTERS && cluster >= 2 && cluster < entries; count++) {
    const sector = layout.firstFreeSector + (cluster - 2) * layout.clusterSectors;
    const { label, ended } = await searchDirectory(source, sector * layout.sectorBytes, layout.clusterSectors * layout.sectorBytes);
    if (label !== undefined || ended) return label;
    const at = layout.reservedSectors * layout.sectorBytes + cluster * 4;
    if (at + 4 > source.sizeBytes) return undefined;
    cluster = (await source.read(at, 4)).readUInt32LE() & 0x0fffffff;
  }
  return undefined;
}

/** `ended`: the mark behind the last entry was met, or the source's end. At most 2 MiB, the largest directory that there is. */
async function searchDirectory(source: Source, startByte: number, lengthBytes: number): Promise<{ label?: Buffer; ended: boolean }> {
  if (startByte + lengthBytes > source.sizeBytes) return { ended: true };
  const directory = await source.read(startByte, lengthBytes);
  for (let at = 0; at + directoryEntry.sizeBytes <= lengthBytes; at += directoryEntry.sizeBytes) {
    const entry = directoryEntry.decode(directory, at);
    if (entry.name[0] === 0) return { ended: true };
    const inUse = entry.name[0] !== 0xe5 && (entry.attributes & ATTRIBUTES) !== LONG_NAME;
    const isLabel = (entry.attributes & (VOLUME_ID | DIRECTORY)) === VOLUME_ID && entry.clusterHigh === 0 && entry.clusterLow === 0;
    if (inUse && isLabel) return { label: firstByteRestored(entry.name), ended: true };
  }
  return { ended: false };
}

function firstByteRestored(name: Buffer): Buffer {
  const restored = Buffer.from(name);
  if (restored[0] === 0x05) restored[0] = 0xe5;
  return restored;
}
