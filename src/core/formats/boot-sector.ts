import { ascii, struct, u16le, u32le, u64le, u8 } from "../binary/struct.ts";

/**
 * BIOS parameter block, as far as it tells a filesystem from an MBR. Microsoft, FAT: General Overview of On-Disk Format
 * 1.03, page 9; NTFS uses the same head with the fields that it does not need as zero.
 */
const bootSector = struct("boot sector", 512, {
  oemName: ascii(3, 8), // "NTFS    ", "EXFAT   "; of a FAT anything
  bytesPerSector: u16le(11),
  sectorsPerCluster: u8(13), // a power of two
  reservedSectors: u16le(14),
  fatCount: u8(16),
  rootEntries: u16le(17),
  sectors16: u16le(19), // 0: see sectors32
  media: u8(21), // 0xf0, or 0xf8 and up
  fatSectors16: u16le(22), // 0: see fatSectors32
  sectors32: u32le(32),
  fatSectors32: u32le(36),
  ntfsSectors: u64le(40),
  fatTypeMagic: ascii(54, 8), // "FAT16   "; "JFS     " and "HPFS    " of OS/2 are no FAT
});

const FAT16_MAX_CLUSTERS = 0xfff4;
const FAT32_MAX_CLUSTERS = 0x0ffffff6;
const ROOT_ENTRY_BYTES = 32;

/** Whether the first sector of a disk is that of a FAT, exFAT or NTFS filesystem, which all end in an MBR's signature. */
export function isFilesystemBootSector(sector: Buffer): boolean {
  const { oemName } = bootSector.decode(sector);
  return oemName === "EXFAT   " || isNtfs(sector) || isFat(sector);
}

function isNtfs(sector: Buffer): boolean {
  const boot = bootSector.decode(sector);
  const unused = [boot.reservedSectors, boot.fatCount, boot.rootEntries, boot.sectors16, boot.fatSectors16, boot.sectors32];
  return boot.oemName === "NTFS    " && unused.every((value) => value === 0) && boot.ntfsSectors > 0n;
}

/** The checks of libblkid (fat_valid_superblock): there is no signature that every FAT has. */
function isFat(sector: Buffer): boolean {
  const boot = bootSector.decode(sector);
  if (boot.fatTypeMagic === "JFS     " || boot.fatTypeMagic === "HPFS    ") return false;
  if (boot.fatCount === 0 || boot.reservedSectors === 0) return false;
  if (boot.media < 0xf8 && boot.media !== 0xf0) return false;
  if (!isPowerOfTwo(boot.sectorsPerCluster) || !isPowerOfTwo(boot.bytesPerSector)) return false;
  if (boot.bytesPerSector < 512 || boot.bytesPerSector > 4096) return false;
  const fatSectors = boot.fatSectors16 || boot.fatSectors32;
  const rootSectors = Math.ceil((boot.rootEntries * ROOT_ENTRY_BYTES) / boot.bytesPerSector);
  const dataSectors = (boot.sectors16 || boot.sectors32) - (boot.reservedSectors + fatSectors * boot.fatCount + rootSectors);
  const clusters = Math.floor(dataSectors / boot.sectorsPerCluster);
  const isFat32 = boot.fatSectors16 === 0 && boot.fatSectors32 !== 0;
  return clusters >= 0 && clusters <= (isFat32 ? FAT32_MAX_CLUSTERS : FAT16_MAX_CLUSTERS);
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}
