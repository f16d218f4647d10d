import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import type { Source } from "../../core/binary/source.ts";
import { explain, MkinitrdError } from "../../core/errors.ts";
import { foldRanges, noteRange, type Unreadable } from "./unreadable.ts";

/** Two of them are in use, and stay in the processor's cache: larger ones are slower. Holes are as fine as this. */
const CHUNK_BYTES = 1024 * 1024;
/** What a disk can't read is looked for down to blocks of this size. */
const BLOCK_BYTES = 4096;
const ZEROS = Buffer.alloc(CHUNK_BYTES);

export interface CopyOptions {
  /** Where to begin: what is in front of it is in the file. */
  fromBytes: number;
  /** What of that was filled with zeros. */
  filled: readonly Unreadable[];
  /** Told of all filled ranges before zeros are written in the place of new ones. */
  onFilled(ranges: readonly Unreadable[]): void;
  /** Zeros in the place of what can't be read. */
  fill: boolean;
  sha256: boolean;
  progress(doneBytes: number): void;
}

export interface Copied {
  /** Of the whole, in hexadecimal. */
  sha256?: string;
  unreadable: Unreadable[];
}

/**
 * Copies a source to a file, with holes where it has zeros. Throws at the first range that can't be read, naming it, unless it is to be
 * filled. While one piece is written the next one is read. `fromBytes` is a multiple of 1 MiB.
 */
export async function copySource(source: Source, file: FileHandle, { fill, filled, fromBytes, onFilled, progress, sha256 }: CopyOptions): Promise<Copied> {
  const hash = sha256 ? createHash("sha256") : undefined;
  const unreadable: Unreadable[] = filled.map((range) => ({ ...range }));
  const ranges = () => unreadable.reduce((sum, { lengthBytes }) => sum + lengthBytes, unreadable.length);
  let told = ranges();
  for (let at = 0; hash !== undefined && at < fromBytes; at += CHUNK_BYTES) hash.update(await readBack(file, at, Math.min(CHUNK_BYTES, fromBytes - at)));
  const buffers = [Buffer.alloc(CHUNK_BYTES), Buffer.alloc(CHUNK_BYTES)]; // one is read into while the other is written
  const read = (at: number) => readChunk(source, at, buffers[(at / CHUNK_BYTES) % 2]!.subarray(0, source.sizeBytes - at), fill, unreadable);
  let next = fromBytes < source.sizeBytes ? read(fromBytes) : undefined;
  for (let at = fromBytes; at < source.sizeBytes; at += CHUNK_BYTES) {
    const chunk = await next!;
    if (ranges() !== told) {
      told = ranges();
      onFilled(unreadable);
    }
    next = at + CHUNK_BYTES < source.sizeBytes ? read(at + CHUNK_BYTES) : undefined;
    next?.catch(() => {}); // it is awaited in its turn, unless the disk that we write to is full
    hash?.update(chunk);
    if (!isZero(chunk)) await writeAll(file, chunk, at);
    progress(at + chunk.length);
  }
  await file.truncate(source.sizeBytes);
  return { unreadable: foldRanges(unreadable), ...(hash === undefined ? {} : { sha256: hash.digest("hex") }) };
}

async function readChunk(source: Source, at: number, into: Buffer, fill: boolean, unreadable: Unreadable[]): Promise<Buffer> {
  try {
    if (source.readInto === undefined) return await source.read(at, into.length);
    await source.readInto(at, into);
    return into;
  } catch (error) {
    if (!(error instanceof MkinitrdError)) throw error;
    return readInBlocks(source, at, into.length, fill, unreadable);
  }
}

async function readInBlocks(source: Source, at: number, lengthBytes: number, fill: boolean, unreadable: Unreadable[]): Promise<Buffer> {
  const bytes = Buffer.alloc(lengthBytes);
  for (let offset = 0; offset < lengthBytes; offset += BLOCK_BYTES) {
    const size = Math.min(BLOCK_BYTES, lengthBytes - offset);
    try {
      (await source.read(at + offset, size)).copy(bytes, offset);
    } catch (error) {
      if (!(error instanceof MkinitrdError)) throw error;
      if (!fill) throw unreadableError(source, at + offset, size, error);
      noteRange(unreadable, { startBytes: at + offset, lengthBytes: size, why: explain(error).split("\n")[0]! });
    }
  }
  return bytes;
}

function unreadableError(source: Source, startBytes: number, lengthBytes: number, cause: MkinitrdError): MkinitrdError {
  return new MkinitrdError({
    tried: "copying", on: `${source.name}, bytes ${startBytes} to ${startBytes + lengthBytes - 1}`, found: explain(cause).split("\n")[0]!,
    next: "--fill writes zeros in the place of what can't be read, and lists it", cause,
  });
}

/** What was written already; zeros where the file ends. */
export async function readBack(file: FileHandle, at: number, lengthBytes: number): Promise<Buffer> {
  const bytes = Buffer.alloc(lengthBytes);
  for (let done = 0; done < lengthBytes;) {
    const { bytesRead } = await file.read(bytes, done, lengthBytes - done, at + done);
    if (bytesRead === 0) break; // a hole at the end
    done += bytesRead;
  }
  return bytes;
}

async function writeAll(file: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let written = 0; written < bytes.length;) written += (await file.write(bytes, written, bytes.length - written, at + written)).bytesWritten;
}

function isZero(bytes: Buffer): boolean {
  return bytes.equals(bytes.length === CHUNK_BYTES ? ZEROS : ZEROS.subarray(0, bytes.length));
}
