import type { Source } from "../binary/source.ts";
import { ascii, bytes, struct, toNumber, u16le, u32le, u64le, u8 } from "../binary/struct.ts";
import type { Decoded } from "../binary/struct.ts";
import { hex32, MkinitrdError } from "../errors.ts";
import type { Content } from "./content.ts";
import { identity, utf16Label } from "./label.ts";
import { readInside } from "./superblock.ts";

/** Main boot sector. Microsoft exFAT file system specification, section 3.1. Sectors are the filesystem's own. */
const bootSector = struct("exFAT boot sector", 512, {
  name: ascii(3, 8), // "EXFAT   "
  zeros: bytes(11, 53), // where a FAT has its fields
  volumeSectors: u64le(72),
  fatSector: u32le(80),
  fatSectors: u32le(84),
  heapSector: u32le(88), // of cluster 2
  clusters: u32le(92),
  rootCluster: u32le(96),
  serial: u32le(100),
  revision: u16le(104), // major in the high byte
  sectorLog: u8(108), // sector size is 1 << this
  clusterLog: u8(109), // sectors of a cluster: 1 << this
  fatCount: u8(110),
  endMark: u16le(510), // 0xaa55
});

type BootSector = Decoded<typeof bootSector>;

/** The sectors that the checksum covers; the one behind them repeats it. Section 3.4. */
const COVERED_SECTORS = 11;
/** Volume flags and percent in use change without a new checksum. */
const UNCOVERED = [106, 107, 112];

const ENTRY_BYTES = 32;
const ENTRY_END = 0x00;
const ENTRY_LABEL = 0x83; // section 7.3
const LABEL_CHARACTERS = 11;
/** Of the root directory so much is searched for the label, which is among its first entries. */
const MAX_DIRECTORY_BYTES = 256 * 1024;
const MAX_CLUSTERS = 64;

/**
 * An exFAT, with the label of its root directory. Undefined without the name in the boot sector; throws when the boot
 * region's checksum or a place in it is wrong. Reads at most 310 KiB.
 */
export async function probeExfat(source: Source): Promise<Content | undefined> {
  const raw = await readInside(source, 0, bootSector.sizeBytes);
  if (raw === undefined) return undefined;
  const boot = bootSector.decode(raw);
  if (boot.name !== "EXFAT   " || boot.endMark !== 0xaa55) return undefined;
  checkFields(source, boot);
  const sectorBytes = 1 << boot.sectorLog;
  await checkChecksum(source, sectorBytes);
  const serial = hex32(boot.serial).slice(2).toUpperCase();
  return {
    type: "exfat",
    version: `${boot.revision >> 8}.${boot.revision & 0xff}`,
    ...identity(`${serial.slice(0, 4)}-${serial.slice(4)}`, await findLabel(source, boot)),
    blockSizeBytes: sectorBytes,
    sizeBytes: toNumber(boot.volumeSectors * BigInt(sectorBytes), `the size of the exFAT on ${source.name}`),
  };
}

function checkFields(source: Source, boot: BootSector): void {
  const { clusterLog, clusters, fatCount, fatSector, fatSectors, heapSector, rootCluster, sectorLog, zeros } = boot;
  if (zeros.some((byte) => byte !== 0)) throw failure(source, "bytes 11 to 63 are not zero");
  if (sectorLog < 9 || sectorLog > 12) throw failure(source, `the sector size is 1 << ${sectorLog} bytes`);
  if (clusterLog > 25 - sectorLog) throw failure(source, `a cluster has 1 << ${clusterLog} sectors`);
  if (fatCount < 1 || fatCount > 2) throw failure(source, `it has ${fatCount} FATs`);
  if (fatSector < 24 || fatSector + fatSectors * fatCount > heapSector) throw failure(source, `the FATs are sectors ${fatSector} to ${fatSector + fatSectors * fatCount}, the clusters begin at ${heapSector}`);
  if (rootCluster < 2 || rootCluster > clusters + 1) throw failure(source, `the root directory is in cluster ${rootCluster} of ${clusters}`);
}

async function checkChecksum(source: Source, sectorBytes: number): Promise<void> {
  const region = await readInside(source, 0, (COVERED_SECTORS + 1) * sectorBytes);
  if (region === undefined) throw failure(source, `it ends at byte ${source.sizeBytes}, inside of the boot region`);
  let sum = 0;
  for (let at = 0; at < COVERED_SECTORS * sectorBytes; at++) {
    if (!UNCOVERED.includes(at)) sum = (((sum & 1) << 31) | (sum >>> 1)) + region[at]! >>> 0;
  }
  const stored = region.readUInt32LE(COVERED_SECTORS * sectorBytes);
  if (sum !== stored) throw failure(source, `the boot region's checksum is ${hex32(sum)}, it says ${hex32(stored)}`);
}

/** Undefined when it has none, or when a part of the root directory can't be reached. */
async function findLabel(source: Source, boot: BootSector): Promise<string | undefined> {
  const sectorBytes = 1 << boot.sectorLog;
  const clusterBytes = sectorBytes << boot.clusterLog;
  let left = MAX_DIRECTORY_BYTES;
  let cluster = boot.rootCluster;
  for (let count = 0; count < MAX_CLUSTERS && left > 0 && cluster >= 2 && cluster <= boot.clusters + 1; count++) {
    const at = boot.heapSector * sectorBytes + (cluster - 2) * clusterBytes;
    const entries = await readInside(source, at, Math.min(clusterBytes, left));
    if (entries === undefined) return undefined;
    for (let entry = 0; entry < entries.length; entry += ENTRY_BYTES) {
      if (entries[entry] === ENTRY_END) return undefined;
      if (entries[entry] !== ENTRY_LABEL) continue;
      const characters = Math.min(entries[entry + 1]!, LABEL_CHARACTERS);
      return utf16Label(entries.subarray(entry + 2, entry + 2 + characters * 2));
    }
    left -= entries.length;
    cluster = (await readInside(source, boot.fatSector * sectorBytes + cluster * 4, 4))?.readUInt32LE() ?? 0;
  }
  return undefined;
}

function failure(source: Source, found: string): MkinitrdError {
  return new MkinitrdError({ tried: "reading the exFAT boot sector", on: `${source.name} at byte 0`, found, next: "restore it from the backup in sectors 12 to 23: fsck.exfat" });
}
