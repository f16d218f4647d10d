import type { Source } from "../binary/source.ts";
import { bytes, struct, u32be, u32le } from "../binary/struct.ts";
import { MkinitrdError } from "../errors.ts";
import type { Content } from "./content.ts";
import { labelText } from "./label.ts";

const fields = (u32: typeof u32le) => ({
  blockSizeBytes: u32(48),
  fragmentSizeBytes: u32(52),
  idHigh: u32(144), // random, or the time at which it was made
  idLow: u32(148),
  label: bytes(680, 32), // of UFS2
  magic: u32(1372),
});
/** Superblock of UFS1 and UFS2, in either byte order. FreeBSD sys/ufs/ffs/fs.h, struct fs; Linux fs/ufs/ufs_fs.h. */
const ORDERS = [struct("UFS superblock", 1376, fields(u32le)), struct("UFS superblock", 1376, fields(u32be))];

/** Where it may lie; ffs/fs.h, SBLOCKSEARCH. */
const COPIES = [64 * 1024, 8 * 1024, 0, 256 * 1024];
const UFS1 = 0x00011954;
const UFS2 = 0x19540119;
const SMALLEST_FRAGMENT = 512;
const LARGEST_BLOCK = 65536;

/** A UFS1 or UFS2, told apart by `version`. Undefined without the magic; throws when the block sizes are none. */
export async function probeUfs(source: Source): Promise<Content | undefined> {
  for (const startByte of COPIES) {
    if (source.sizeBytes < startByte + ORDERS[0]!.sizeBytes) continue;
    const raw = await source.read(startByte, ORDERS[0]!.sizeBytes);
    for (const superblock of ORDERS) {
      const { magic, blockSizeBytes, fragmentSizeBytes, idHigh, idLow, label } = superblock.decode(raw);
      if (magic !== UFS1 && magic !== UFS2) continue;
      const blocksInFragments = blockSizeBytes / fragmentSizeBytes;
      if (fragmentSizeBytes < SMALLEST_FRAGMENT || blockSizeBytes > LARGEST_BLOCK || ![1, 2, 4, 8].includes(blocksInFragments)) {
        throw new MkinitrdError({
          tried: "reading the UFS superblock",
          on: `${source.name} at byte ${startByte}`,
          found: `a block is ${blockSizeBytes} bytes, a fragment of one ${fragmentSizeBytes}`,
          next: "check it from a system that writes UFS: fsck_ffs",
        });
      }
      const uuid = [idHigh, idLow].map((half) => half.toString(16).padStart(8, "0")).join("");
      const text = magic === UFS2 ? labelText(label) : undefined;
      return { type: "ufs", version: magic === UFS2 ? "2" : "1", ...(/^0+$/.test(uuid) ? {} : { uuid }), ...(text === undefined ? {} : { label: text }), blockSizeBytes: fragmentSizeBytes };
    }
  }
  return undefined;
}
