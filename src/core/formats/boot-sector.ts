import type { Source } from "../binary/source.ts";
import { MkinitrdError } from "../errors.ts";
import { hasFatFields, NTFS_NAME, ntfsBootSector } from "./ntfs-boot-sector.ts";
import { hasMagic } from "./superblock.ts";
import { probeVfat } from "./vfat.ts";

const EXFAT_NAME = "EXFAT   "; // the bytes behind it are zero, as those of no FAT are

/** Whether a disk begins with a FAT, exFAT or NTFS filesystem: their first sector ends in the signature of an MBR. */
export async function isFilesystemBootSector(source: Source): Promise<boolean> {
  const sector = await source.read(0, ntfsBootSector.sizeBytes);
  return hasMagic(sector, 3, EXFAT_NAME) || isNtfs(sector) || isVfat(source);
}

function isNtfs(sector: Buffer): boolean {
  const boot = ntfsBootSector.decode(sector);
  return boot.oemName === NTFS_NAME && boot.sectors > 0n && !hasFatFields(boot);
}

async function isVfat(source: Source): Promise<boolean> {
  try {
    return (await probeVfat(source)) !== undefined;
  } catch (error) {
    if (error instanceof MkinitrdError) return true; // a FAT's boot sector, with damage behind it
    throw error;
  }
}
