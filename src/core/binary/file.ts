import { open, readFile, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { MkinitrdError } from "../errors.ts";
import { checkRange, SECTOR_BYTES } from "./source.ts";
import type { Source } from "./source.ts";

/**
 * Opens a regular file or a block device for reading. The caller closes it. Its size is taken once, here.
 * Throws MkinitrdError when it can't be opened or is neither; a read that fails or comes out short throws, too.
 */
export async function openFile(path: string): Promise<Source> {
  await checkKind(path);
  const handle = await open(path, "r").catch((cause: unknown) => {
    throw failure("opening", path, cause);
  });
  try {
    const sizeBytes = await measure(path, handle);
    return fileSource(path, handle, sizeBytes);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Looks before opening: to open a FIFO would wait for somebody to write to it. */
async function checkKind(path: string): Promise<void> {
  const stats = await stat(path).catch((cause: unknown) => {
    throw failure("opening", path, cause);
  });
  if (stats.isFile() || stats.isBlockDevice()) return;
  throw new MkinitrdError({
    tried: "opening",
    on: path,
    found: stats.isDirectory() ? "it is a directory" : "it is neither a regular file nor a block device",
  });
}

async function measure(path: string, handle: FileHandle): Promise<number> {
  const stats = await handle.stat({ bigint: true });
  if (!stats.isBlockDevice()) return Number(stats.size);
  const file = `/sys/dev/block/${deviceNumber(stats.rdev)}/size`;
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw failure("reading its size", path, cause);
  });
  const sectors = Number(text.trim() || Number.NaN);
  if (Number.isSafeInteger(sectors * SECTOR_BYTES)) return sectors * SECTOR_BYTES;
  throw new MkinitrdError({ tried: "reading its size", on: path, found: `${file} says "${text.trim()}"` });
}

/** `MAJOR:MINOR` of a dev_t as the C library makes it; makedev(3). */
export function deviceNumber(rdev: bigint): string {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}

function fileSource(path: string, handle: FileHandle, sizeBytes: number): Source {
  return {
    name: path,
    sizeBytes,
    async read(offsetBytes, lengthBytes) {
      checkRange(this, offsetBytes, lengthBytes);
      const buffer = Buffer.alloc(lengthBytes);
      await readFully(path, handle, offsetBytes, buffer);
      return buffer;
    },
    async readInto(offsetBytes, into) {
      checkRange(this, offsetBytes, into.length);
      await readFully(path, handle, offsetBytes, into);
    },
    close: () => handle.close(),
  };
}

async function readFully(path: string, handle: FileHandle, offsetBytes: number, buffer: Buffer): Promise<void> {
  const lengthBytes = buffer.length;
  const tried = `reading ${lengthBytes} bytes at byte ${offsetBytes}`;
  for (let done = 0; done < lengthBytes; ) {
    const { bytesRead } = await handle.read(buffer, done, lengthBytes - done, offsetBytes + done).catch((cause: unknown) => {
      throw failure(tried, path, cause);
    });
    if (bytesRead === 0) throw new MkinitrdError({ tried, on: path, found: `it ended after ${done} of them` });
    done += bytesRead;
  }
}

/** What the errors that disks give mean; any other is named by its code. */
const MEANINGS: Record<string, { found: string; next?: string }> = {
  ENOENT: { found: "there is no such file" },
  EACCES: { found: "permission denied" },
  ENOMEDIUM: { found: "there is no medium in the drive", next: "insert the disk, then try again" },
  ENXIO: { found: "there is no device behind this node" },
  EIO: { found: "the device reports an I/O error", next: "look at the kernel's log, and at the disk's health" },
};

function failure(tried: string, on: string, cause: unknown): MkinitrdError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const meaning = MEANINGS[code] ?? { found: cause instanceof Error ? cause.message : String(cause) };
  return new MkinitrdError({ tried, on, ...meaning, cause });
}
