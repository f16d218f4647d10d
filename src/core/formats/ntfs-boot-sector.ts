import { ascii, struct, u16le, u32le, u64le, u8 } from "../binary/struct.ts";
import type { Decoded } from "../binary/struct.ts";

/** At byte 3 of an NTFS's boot sector. */
export const NTFS_NAME = "NTFS    ";

/** Boot sector, that of a FAT and more. ntfs-3g, include/ntfs-3g/layout.h, NTFS_BOOT_SECTOR. */
export const ntfsBootSector = struct("NTFS boot sector", 512, {
  oemName: ascii(3, 8),
  sectorBytes: u16le(11),
  clusterSectors: u8(13), // or, from 240 on, 1 << (256 - this)
  reservedSectors: u16le(14),
  fatCount: u8(16),
  rootEntries: u16le(17),
  sectors16: u16le(19),
  fatSectors16: u16le(22),
  sectors32: u32le(32),
  sectors: u64le(40),
  mftCluster: u64le(48),
  mftMirrorCluster: u64le(56),
  recordClusters: u8(64), // of an MFT record; above 128: its size is 1 << (256 - this) bytes
  serial: u64le(72),
});

/** Something stands where an NTFS has zeros, and a FAT its tables and its length. */
export function hasFatFields({ fatCount, fatSectors16, reservedSectors, rootEntries, sectors16, sectors32 }: Decoded<typeof ntfsBootSector>): boolean {
  return [fatCount, fatSectors16, reservedSectors, rootEntries, sectors16, sectors32].some((value) => value !== 0);
}
