import type { Source } from "../binary/source.ts";
import { ascii, bytes, struct, u16le, u32le, u8 } from "../binary/struct.ts";
import type { Decoded } from "../binary/struct.ts";
import type { Content } from "./content.ts";
import { identity, labelText } from "./label.ts";
import { findVolumeEntry } from "./vfat-root.ts";

/** Boot sector. Microsoft FAT specification of 2005, section 3. */
const bootSector = struct("FAT boot sector", 512, {
  jump: u8(0), // 0xeb or 0xe9
  sectorBytes: u16le(11),
  clusterSectors: u8(13),
  reservedSectors: u16le(14),
  fatCount: u8(16),
  rootEntries: u16le(17), // zero for FAT32
  sectors16: u16le(19), // zero: see sectors32
  media: u8(21),
  fatSectors16: u16le(22), // zero for FAT32
  sectors32: u32le(32),
  serial16: bytes(39, 4), // FAT12 and FAT16
  magic16: ascii(54, 8), // "FAT12   ", "FAT16   ", informational
  fatSectors32: u32le(36), // FAT32 from here on
  rootCluster: u32le(44),
  infoSector: u16le(48),
  serial32: bytes(67, 4),
  magic32: ascii(82, 8), // "FAT32   "
  endMark: u16le(510), // 0xaa55
});

type BootSector = Decoded<typeof bootSector>;

const END_MARK = 0xaa55;
const MAX_CLUSTERS_FAT12 = 0xff4;
const MAX_CLUSTERS_FAT16 = 0xfff4;
const MAX_CLUSTERS_FAT32 = 0x0ffffff6;
const ROOT_ENTRY_BYTES = 32;

/** Where the parts of the filesystem lie. Sectors here are the filesystem's own. */
export interface FatLayout {
  version: "FAT12" | "FAT16" | "FAT32";
  sectorBytes: number;
  sectors: number;
  reservedSectors: number;
  clusterSectors: number;
  /** The first one behind the tables: the root directory of FAT12 and FAT16, or FAT32's cluster 2. */
  firstFreeSector: number;
  fatSectors: number;
  rootEntries: number;
  /** FAT32 only. */
  rootCluster: number;
}

/**
 * A FAT filesystem. Its UUID is the volume's serial number, `XXXX-XXXX`; its label is that of the root directory, and not
 * the one in the boot sector, as libblkid has it. Undefined unless every field is one that Linux accepts: any disk may
 * begin with a jump and end its first sector with 55 aa.
 */
export async function probeVfat(source: Source): Promise<Content | undefined> {
  if (source.sizeBytes < bootSector.sizeBytes) return undefined;
  const boot = bootSector.decode(await source.read(0, bootSector.sizeBytes));
  const layout = hasSignature(boot) ? readLayout(boot) : undefined;
  if (layout === undefined || !(await hasInfoSector(source, boot, layout))) return undefined;
  const label = await findVolumeEntry(source, layout);
  return {
    type: "vfat",
    version: layout.version,
    ...identity(serialText(layout.version === "FAT32" ? boot.serial32 : boot.serial16), label && labelText(label)),
    blockSizeBytes: layout.sectorBytes,
    sizeBytes: layout.sectors * layout.sectorBytes,
  };
}

/** One of libblkid's magics: a type word, or a jump or end mark where nothing says that it is another filesystem. */
function hasSignature({ jump, magic16, magic32, endMark }: BootSector): boolean {
  if (magic32 === "FAT32   " || magic32.startsWith("MSWIN")) return true;
  if (["FAT12   ", "FAT16   ", "FAT     "].includes(magic16) || magic16.startsWith("MSDOS")) return true;
  // OS/2 put a boot sector like that of FAT in front of JFS and HPFS.
  return (jump === 0xeb || jump === 0xe9 || endMark === END_MARK) && endMark === END_MARK && !/^(JFS|HPFS) /.test(magic16);
}

function readLayout(boot: BootSector): FatLayout | undefined {
  const { clusterSectors, fatCount, media, reservedSectors, rootCluster, rootEntries, sectorBytes } = boot;
  if (fatCount === 0 || reservedSectors === 0 || (media !== 0xf0 && media < 0xf8)) return undefined;
  if (!isPowerOfTwo(clusterSectors) || !isPowerOfTwo(sectorBytes) || sectorBytes < 512 || sectorBytes > 4096) return undefined;
  const sectors = boot.sectors16 || boot.sectors32;
  const fatSectors = boot.fatSectors16 || boot.fatSectors32;
  if (fatSectors === 0) return undefined;
  const firstFreeSector = reservedSectors + fatSectors * fatCount;
  const rootSectors = Math.ceil((rootEntries * ROOT_ENTRY_BYTES) / sectorBytes);
  const clusters = Math.floor((sectors - firstFreeSector - rootSectors) / clusterSectors);
  const version = fatVersion(boot.fatSectors16 === 0, clusters);
  if (version === undefined) return undefined;
  return { version, sectorBytes, sectors, reservedSectors, clusterSectors, firstFreeSector, fatSectors, rootEntries, rootCluster };
}

/** FAT12 and FAT16 differ by the number of clusters alone. */
function fatVersion(isFat32: boolean, clusters: number): FatLayout["version"] | undefined {
  if (clusters < 0) return undefined;
  if (isFat32) return clusters > MAX_CLUSTERS_FAT32 ? undefined : "FAT32";
  if (clusters > MAX_CLUSTERS_FAT16) return undefined;
  return clusters < MAX_CLUSTERS_FAT12 ? "FAT12" : "FAT16";
}

/** FAT32's second sector of facts has signatures of its own; some tools leave them zero. */
async function hasInfoSector(source: Source, { infoSector }: BootSector, layout: FatLayout): Promise<boolean> {
  if (layout.version !== "FAT32" || infoSector === 0) return true;
  const at = infoSector * layout.sectorBytes;
  if (at + 512 > source.sizeBytes) return false;
  const info = await source.read(at, 512);
  const first = info.toString("latin1", 0, 4);
  const second = info.toString("latin1", 484, 488);
  return ["RRaA", "RRdA", "\0\0\0\0"].includes(first) && ["rrAa", "\0\0\0\0"].includes(second);
}

/** The serial number's four bytes as Linux writes them; zero means none. */
function serialText(serial: Buffer): string | undefined {
  const hex = Buffer.from(serial).reverse().toString("hex").toUpperCase();
  return hex === "00000000" ? undefined : `${hex.slice(0, 4)}-${hex.slice(4)}`;
}

function isPowerOfTwo(value: number): boolean {
  return value !== 0 && (value & (value - 1)) === 0;
}
