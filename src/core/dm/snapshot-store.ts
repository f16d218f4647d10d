import { SECTOR_BYTES } from "../binary/source.ts";
import type { Source } from "../binary/source.ts";
import { struct, u32le } from "../binary/struct.ts";
import { hex32, MkinitrdError } from "../errors.ts";

/** Linux drivers/md/dm-snap-persistent.c, struct disk_header. The rest of chunk 0 is not used. */
const header = struct("header of a snapshot's store", 16, {
  magic: u32le(0), // "SnAp"
  valid: u32le(4), // 0 when the store was full, or could not be written to
  version: u32le(8), // 1
  chunkSectors: u32le(12),
});

const MAGIC = 0x70416e53;
const EXCEPTION_BYTES = 16; // old chunk, new chunk: 64 bits each
/** A Map holds not much more; of 4 KiB each that is 32 GiB that differ. */
const MOST_EXCEPTIONS = 8 * 1024 * 1024;

/** What differs from the origin: by chunk, the chunk of the store that has it. */
export interface Exceptions {
  chunkBytes: number;
  exceptions: Map<number, number>;
}

/**
 * Reads the store of a snapshot: after the header areas of one chunk, each followed by as many chunks of data as it lists
 * exceptions. The first exception with a new chunk of 0 ends the list. Throws when the store is invalid.
 */
export async function readExceptions(store: Source): Promise<Exceptions> {
  const { chunkSectors, magic, valid, version } = header.decode(await store.read(0, header.sizeBytes));
  if (magic !== MAGIC) throw failure(store, `the magic is ${hex32(magic)}, not ${hex32(MAGIC)}`);
  if (version !== 1) throw failure(store, `the version is ${version}; known: 1`);
  if (valid !== 1) throw failure(store, "it is marked as invalid: the store was full, or could not be written to", "the snapshot is lost; its origin is whole");
  const chunkBytes = chunkSectors * SECTOR_BYTES;
  if (chunkBytes === 0 || !Number.isInteger(Math.log2(chunkBytes)) || chunkBytes > store.sizeBytes) throw failure(store, `a chunk has ${chunkSectors} sectors`);
  const perArea = chunkBytes / EXCEPTION_BYTES;
  const chunks = Math.floor(store.sizeBytes / chunkBytes);
  const exceptions = new Map<number, number>();
  for (let area = 1; area < chunks; area += perArea + 1) {
    const bytes = await store.read(area * chunkBytes, chunkBytes);
    for (let at = 0; at < chunkBytes; at += EXCEPTION_BYTES) {
      const newChunk = bytes.readBigUInt64LE(at + 8);
      if (newChunk === 0n) return { chunkBytes, exceptions };
      if (newChunk >= BigInt(chunks)) throw failure(store, `an exception at byte ${area * chunkBytes + at} is in chunk ${newChunk} of ${chunks}`);
      if (exceptions.size === MOST_EXCEPTIONS) throw failure(store, `it has more than ${MOST_EXCEPTIONS} exceptions`);
      exceptions.set(Number(bytes.readBigUInt64LE(at)), Number(newChunk));
    }
  }
  return { chunkBytes, exceptions };
}

function failure(store: Source, found: string, next?: string): MkinitrdError {
  return new MkinitrdError({ tried: "reading the store of a snapshot", on: store.name, found, ...(next === undefined ? {} : { next }) });
}
