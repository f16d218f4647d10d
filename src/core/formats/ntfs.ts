import type { Source } from "../binary/source.ts";
import { ascii, struct, toNumber, u16le, u32le } from "../binary/struct.ts";
import type { Decoded } from "../binary/struct.ts";
import { MkinitrdError } from "../errors.ts";
import type { Content } from "./content.ts";
import { identity, utf16Label } from "./label.ts";
import { hasFatFields, NTFS_NAME, ntfsBootSector as bootSector } from "./ntfs-boot-sector.ts";
import { hasMagic, isPowerOfTwo, readInside } from "./superblock.ts";

/** An MFT record's header, and that of an attribute in it that holds its value. layout.h, MFT_RECORD and ATTR_RECORD. */
const recordHeader = struct("MFT record", 24, { magic: ascii(0, 4), attributesByte: u16le(20) });
const attributeHeader = struct("MFT attribute", 24, { type: u32le(0), lengthBytes: u32le(4), valueBytes: u32le(16), valueByte: u16le(20) });

const VOLUME_RECORD = 3; // $Volume
const VOLUME_NAME = 0x60;
const END = 0xffffffff;
const LARGEST_CLUSTER = 2 * 1024 * 1024;
const LARGEST_RECORD = 64 * 1024;

/**
 * An NTFS; its UUID is the volume's serial number, its label that of the file $Volume. Undefined without the name in the
 * boot sector; throws when a size or a place in it is wrong. Reads at most 65 KiB.
 */
export async function probeNtfs(source: Source): Promise<Content | undefined> {
  const raw = await readInside(source, 0, bootSector.sizeBytes);
  if (raw === undefined || !hasMagic(raw, 3, NTFS_NAME)) return undefined;
  const boot = bootSector.decode(raw);
  const { recordBytes, mftByte } = readLayout(source, boot);
  const volumeByte = mftByte + VOLUME_RECORD * recordBytes;
  const [first, volume] = [await readInside(source, mftByte, 4), await readInside(source, volumeByte, recordBytes)];
  if (first === undefined || volume === undefined) throw failure(source, `the MFT is at byte ${mftByte}, the disk ends at byte ${source.sizeBytes}`);
  if (!hasMagic(first, 0, "FILE") || !hasMagic(volume, 0, "FILE")) throw failure(source, `there is no MFT at byte ${mftByte}`);
  return {
    type: "ntfs",
    ...identity(boot.serial.toString(16).toUpperCase().padStart(16, "0"), findVolumeName(volume)),
    blockSizeBytes: boot.sectorBytes,
    sizeBytes: toNumber(boot.sectors * BigInt(boot.sectorBytes), `the size of the NTFS on ${source.name}`),
  };
}

function readLayout(source: Source, boot: Decoded<typeof bootSector>): { recordBytes: number; mftByte: number } {
  const { clusterSectors: stated, mftCluster, mftMirrorCluster, recordClusters, sectorBytes, sectors } = boot;
  const clusterSectors = stated > 128 ? 2 ** (256 - stated) : stated;
  const clusterBytes = clusterSectors * sectorBytes;
  if (!isPowerOfTwo(sectorBytes, 256, 4096)) throw failure(source, `the sector size is ${sectorBytes} bytes`);
  if (!isPowerOfTwo(clusterSectors, 1, LARGEST_CLUSTER / sectorBytes)) throw failure(source, `the cluster size is ${clusterBytes} bytes`);
  if (hasFatFields(boot)) throw failure(source, "fields that only a FAT has are not zero");
  const recordBytes = recordClusters > 128 ? 2 ** (256 - recordClusters) : recordClusters * clusterBytes;
  if (!isPowerOfTwo(recordBytes, 256, LARGEST_RECORD)) throw failure(source, `the size of an MFT record is ${recordBytes} bytes`);
  const clusters = sectors / BigInt(clusterSectors);
  if (mftCluster > clusters || mftMirrorCluster > clusters) throw failure(source, `the MFT is in cluster ${mftCluster}, its copy in ${mftMirrorCluster}, of ${clusters}`);
  return { recordBytes, mftByte: toNumber(mftCluster * BigInt(clusterBytes), `the place of the MFT of ${source.name}`) };
}

/** Undefined when the record has none, or is too short for it. */
function findVolumeName(record: Buffer): string | undefined {
  let at = recordHeader.decode(record).attributesByte;
  while (at + attributeHeader.sizeBytes <= record.length) {
    const { type, lengthBytes, valueByte, valueBytes } = attributeHeader.decode(record, at);
    if (type === END || lengthBytes === 0) return undefined;
    if (type === VOLUME_NAME) return at + valueByte + valueBytes <= record.length ? utf16Label(record.subarray(at + valueByte, at + valueByte + valueBytes)) : undefined;
    at += lengthBytes;
  }
  return undefined;
}

function failure(source: Source, found: string): MkinitrdError {
  return new MkinitrdError({ tried: "reading the NTFS boot sector", on: `${source.name} at byte 0`, found, next: "check it with ntfsfix, or with chkdsk from Windows: a copy is in the last sector" });
}
