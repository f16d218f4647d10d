import { SECTOR_BYTES } from "../binary/source.ts";
import type { Source } from "../binary/source.ts";
import { struct, u32le, u64le } from "../binary/struct.ts";
import { hex32, MkinitrdError } from "../errors.ts";

/** Linux drivers/md/dm-writecache.c, struct wc_memory_superblock; an entry of 16 bytes for each block follows, and behind them the blocks. */
const superblock = struct("superblock of a writecache", 64, {
  magic: u32le(0),
  version: u32le(4),
  blockBytes: u32le(8),
  blocks: u64le(16),
  sequence: u64le(24), // of what is being written: lower ones are whole
});
/** struct wc_memory_entry. */
const entry = struct("entry of a writecache", 16, {
  originalSector: u64le(0),
  sequence: u64le(8), // all ones in a free entry
});
const MAGIC = 0x23489321;
const VERSION = 1;
/** A Map holds not much more; of 4 KiB each that is a cache of 32 GiB. */
const MOST_BLOCKS = 8 * 1024 * 1024;
const PIECE_BYTES = 1024 * 1024;

/** Which blocks of the origin are on the fast device: by the origin's block, the fast device's, counted from a byte of it. */
export interface WritecacheMapping {
  dataStartBytes: number;
  blocks: Map<number, number>;
}

/**
 * Reads the metadata at a byte of a fast device. As the kernel when it starts (writecache_resume), what was not committed counts as not
 * written, and of two entries for one block the later. A fast device that begins with zeros was never used. Throws for damage.
 */
export async function readWritecacheMapping(source: Source, startBytes: number, blockBytes: number): Promise<WritecacheMapping> {
  const failure = (found: string) => new MkinitrdError({ tried: "reading the metadata of a writecache", on: `${source.name} at byte ${startBytes}`, found, next: "read the volume where it is active: lvchange -ay" });
  const sb = superblock.decode(await source.read(startBytes, superblock.sizeBytes));
  const blocks = new Map<number, number>();
  if (sb.magic === 0 && sb.version === 0) return { blocks, dataStartBytes: 0 };
  if (sb.magic !== MAGIC) throw failure(`the magic is ${hex32(sb.magic)}, not ${hex32(MAGIC)}`);
  if (sb.version !== VERSION) throw failure(`the version is ${sb.version}; known: ${VERSION}`);
  if (sb.blockBytes !== blockBytes) throw failure(`its blocks have ${sb.blockBytes} bytes, its table says ${blockBytes}`);
  if (sb.blocks > MOST_BLOCKS) throw failure(`it has ${sb.blocks} blocks; at most ${MOST_BLOCKS} can be read here`);
  const count = Number(sb.blocks);
  const dataStartBytes = startBytes + Math.ceil((superblock.sizeBytes + count * entry.sizeBytes) / blockBytes) * blockBytes;
  if (dataStartBytes + count * blockBytes > source.sizeBytes) throw failure(`${count} blocks of ${blockBytes} bytes from byte ${dataStartBytes} on do not fit into ${source.sizeBytes}`);
  const sequences = new Map<number, bigint>();
  const perPiece = PIECE_BYTES / entry.sizeBytes;
  for (let first = 0; first < count; first += perPiece) {
    const here = Math.min(perPiece, count - first);
    const bytes = await source.read(startBytes + superblock.sizeBytes + first * entry.sizeBytes, here * entry.sizeBytes);
    for (let index = 0; index < here; index++) {
      const { originalSector, sequence } = entry.decode(bytes.subarray(index * entry.sizeBytes, (index + 1) * entry.sizeBytes));
      if (sequence >= sb.sequence) continue;
      const block = Number(originalSector) / (blockBytes / SECTOR_BYTES);
      if (!Number.isSafeInteger(block)) throw failure(`entry ${first + index} is for sector ${originalSector}, where no block of ${blockBytes} bytes begins`);
      const other = sequences.get(block);
      if (other === sequence) throw failure(`entries ${blocks.get(block)} and ${first + index} are both for sector ${originalSector}, with one sequence number`);
      if (other !== undefined && other > sequence) continue;
      blocks.set(block, first + index);
      sequences.set(block, sequence);
    }
  }
  return { blocks, dataStartBytes };
}
