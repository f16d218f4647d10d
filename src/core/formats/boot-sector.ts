import type { Source } from "../binary/source.ts";
import { ascii, struct, u16le, u32le, u64le, u8 } from "../binary/struct.ts";
import { MkinitrdError } from "../errors.ts";
import { probeVfat } from "./vfat.ts";

/** NTFS boot sector: that of a FAT, with the fields that only a FAT needs as zero. ntfs-3g, include/ntfs-3g/layout.h. */
const ntfsBootSector = struct("NTFS boot sector", 512, {
  oemName: ascii(3, 8), // "NTFS    "; and "EXFAT   " of exFAT, whose next 53 bytes are zero
  reservedSectors: u16le(14),
  fatCount: u8(16),
  rootEntries: u16le(17),
  sectors16: u16le(19),
  fatSectors16: u16le(22),
  sectors32: u32le(32),
  sectors: u64le(40),
});

/** Whether a disk begins with a FAT, exFAT or NTFS filesystem: their first sector ends in the signature of an MBR. */
export async function isFilesystemBootSector(source: Source): Promise<boolean> {
  const { oemName, sectors, ...unused } = ntfsBootSector.decode(await source.read(0, ntfsBootSector.sizeBytes));
  if (oemName === "EXFAT   ") return true;
  if (oemName === "NTFS    " && sectors > 0n && Object.values(unused).every((value) => value === 0)) return true;
  return isVfat(source);
}

async function isVfat(source: Source): Promise<boolean> {
  try {
    return (await probeVfat(source)) !== undefined;
  } catch (error) {
    if (error instanceof MkinitrdError) return true; // a FAT's boot sector, with damage behind it
    throw error;
  }
}
