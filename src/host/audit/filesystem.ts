/** statfs(2)'s f_type of filesystems whose files have no owner and no mode on the disk; linux/magic.h, fs/ntfs3, fs/hfs, ntfs-3g. */
const MODELESS: Record<number, string> = {
  0x4d44: "vfat",
  0x2011_bab0: "exfat",
  0x5346_544e: "ntfs",
  0x7366_746e: "ntfs",
  0x4244: "hfs",
};

/** The name of a filesystem that keeps no modes, by its f_type; undefined for one that does. */
export function modelessFilesystem(type: number): string | undefined {
  return MODELESS[type];
}
