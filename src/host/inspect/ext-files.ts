import type { Disk, FileHandle, MountedFs } from "ext2fs";
import { checkRange, type Source } from "../../core/binary/source.ts";
import { BlockCache } from "../../core/dm/block-cache.ts";
import { MkinitrdError } from "../../core/errors.ts";
import type { RootFile, RootFiles } from "../../core/find-init.ts";

/** An ext2, ext3 or ext4 filesystem, read from its volume by e2fsprogs' own library. Links are followed inside of it. */
export interface ExtFiles extends RootFiles {
  find(path: string): Promise<ExtFile | undefined>;
}

export interface ExtFile extends RootFile {
  isDirectory: boolean;
  sizeBytes: number;
  /** The content, front to back. */
  pieces(): AsyncGenerator<Buffer>;
  /** Of a directory: its names. */
  names(): Promise<string[]>;
}

/** Filesystems that libext2fs reads, in blkid's words. */
export const EXT_TYPES: readonly string[] = ["ext2", "ext3", "ext4"];

const O_RDONLY = 0;
const O_NOATIME = 0o1000000;
const [S_IFMT, S_IFREG, S_IFDIR, X_OK] = [0o170000, 0o100000, 0o040000, 0o111];
const ABSENT = new Set(["ENOENT", "ENOTDIR"]);
/** The library's positions have 32 bits; what it reads from where the last read ended goes further. */
const MOST_POSITION = 2 ** 31 - 1;
const PIECE_BYTES = 1024 * 1024;
/** The library asks for one block of the filesystem at a time. */
const BLOCK_BYTES = 64 * 1024;
const CACHE_BYTES = 8 * 1024 * 1024;

/** Opens the filesystem on a volume for as long as `use` runs. Throws MkinitrdError for one that the library can't read. */
export async function withExtFiles<T>(source: Source, use: (files: ExtFiles) => Promise<T>): Promise<T> {
  const { mount, umount } = await library();
  const disk = new SourceDisk(source);
  const fs = await disk.attempt("opening the filesystem", () => mount(disk));
  try {
    return await use({ name: source.name, find: (path) => find(fs, disk, path) });
  } finally {
    await disk.attempt("closing the filesystem", () => umount(fs));
  }
}

/** The superblock's s_feature_incompat, and its bit for fscrypt. Linux Documentation/filesystems/ext4/super.rst. */
const [INCOMPAT_BYTE, INCOMPAT_ENCRYPT] = [1024 + 0x60, 0x10000];

/** Whether there may be files that fscrypt has encrypted: which ones, the library does not tell. */
export async function hasEncryptedFiles(source: Source): Promise<boolean> {
  return ((await source.read(INCOMPAT_BYTE, 4)).readUInt32LE() & INCOMPAT_ENCRYPT) !== 0;
}

/** Loaded by those who need it; it is CommonJS, and takes errors that nobody caught for its own. */
async function library(): Promise<typeof import("ext2fs").default> {
  const events = ["uncaughtException", "unhandledRejection"] as const;
  const before = events.map((event) => new Set<unknown>(process.listeners(event as "uncaughtException")));
  const { default: ext2fs } = await import("ext2fs");
  for (const [index, event] of events.entries()) {
    for (const listener of process.listeners(event as "uncaughtException")) if (!before[index]!.has(listener)) process.removeListener(event, listener);
  }
  return ext2fs;
}

async function find(fs: MountedFs, disk: SourceDisk, path: string): Promise<ExtFile | undefined> {
  const handle = await open(fs, disk, path);
  if (handle === undefined) return undefined;
  const { mode, size } = await disk.attempt(`looking at ${path}`, () => handle.stat()).finally(() => fs.promises.close(handle.fd));
  const opened = async () => {
    const again = await open(fs, disk, path);
    if (again === undefined) throw disk.failure(`reading ${path}`, "it is gone");
    return again;
  };
  return {
    isRegular: (mode & S_IFMT) === S_IFREG, isDirectory: (mode & S_IFMT) === S_IFDIR, isExecutable: (mode & X_OK) !== 0, sizeBytes: size,
    async open() {
      const file = await opened();
      return fileSource(fs, disk, file, path, size);
    },
    async *pieces() {
      const file = await opened();
      try {
        for (let left = size; left > 0;) {
          const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, left));
          const { bytesRead } = await disk.attempt(`reading ${path}`, () => file.read(piece, 0, piece.length, null));
          if (bytesRead <= 0) throw disk.failure(`reading ${path}`, `it ends at byte ${size - left}, its inode says ${size}`);
          yield piece.subarray(0, bytesRead);
          left -= bytesRead;
        }
      } finally {
        await fs.promises.close(file.fd);
      }
    },
    names: async () => (await disk.attempt(`listing ${path}`, () => fs.promises.readdir(path, { encoding: "buffer" }))).map((name) => name.toString()).filter((name) => name !== "." && name !== "..").sort(),
  };
}

async function open(fs: MountedFs, disk: SourceDisk, path: string): Promise<FileHandle | undefined> {
  return disk.attempt(`looking for ${path}`, () => fs.promises.open(path, O_RDONLY | O_NOATIME).catch((error: NodeJS.ErrnoException) => {
    if (ABSENT.has(error.code ?? "")) return undefined;
    throw error;
  }));
}

function fileSource(fs: MountedFs, disk: SourceDisk, file: FileHandle, path: string, sizeBytes: number): Source {
  return {
    name: path,
    sizeBytes,
    async read(offsetBytes, lengthBytes) {
      checkRange(this, offsetBytes, lengthBytes);
      if (offsetBytes + lengthBytes > MOST_POSITION) throw disk.failure(`reading ${path}`, `byte ${offsetBytes} is further than this library goes`);
      const bytes = Buffer.alloc(lengthBytes);
      for (let done = 0; done < lengthBytes;) {
        const { bytesRead } = await disk.attempt(`reading ${path}`, () => file.read(bytes.subarray(done), 0, lengthBytes - done, offsetBytes + done));
        if (bytesRead <= 0) throw disk.failure(`reading ${path}`, `it ends at byte ${offsetBytes + done}, its inode says ${sizeBytes}`);
        done += bytesRead;
      }
      return bytes;
    },
    close: () => fs.promises.close(file.fd),
  };
}

/** A volume as the library sees it. Nothing is written: it has no reason to, and what it would write is dropped. */
class SourceDisk implements Disk {
  private readonly source: Source;
  private readonly blocks = new BlockCache(CACHE_BYTES);
  /** Why the volume could not be read: of that the library only says EIO. */
  private problem: MkinitrdError | undefined;

  constructor(source: Source) {
    this.source = source;
  }

  async read(buffer: Buffer, bufferOffset: number, lengthBytes: number, offsetBytes: number): Promise<void> {
    try {
      checkRange(this.source, offsetBytes, lengthBytes);
      for (let done = 0; done < lengthBytes;) {
        const at = offsetBytes + done;
        const start = at - (at % BLOCK_BYTES);
        const block = await this.blocks.get(start, () => this.source.read(start, Math.min(BLOCK_BYTES, this.source.sizeBytes - start)));
        done += block.copy(buffer, bufferOffset + done, at - start, Math.min(block.length, at - start + lengthBytes - done));
      }
    } catch (error) {
      if (error instanceof MkinitrdError) this.problem ??= error;
      throw error;
    }
  }

  async write(): Promise<void> {}
  async discard(): Promise<void> {}
  async flush(): Promise<void> {}

  /** Runs a call of the library; what it throws becomes an error of ours. */
  async attempt<T>(tried: string, call: () => Promise<T>): Promise<T> {
    this.problem = undefined; // one that the library got over is not why the next call fails
    try {
      return await call();
    } catch (error) {
      const { problem } = this;
      if (problem !== undefined) throw problem;
      const { code, errno } = error as NodeJS.ErrnoException;
      throw this.failure(tried, `libext2fs says ${code === undefined || code === "UNKNOWN" ? `error ${errno ?? String(error)}` : code}`);
    }
  }

  failure(tried: string, found: string): MkinitrdError {
    return new MkinitrdError({ tried, on: this.source.name, found, next: "look at the filesystem with fsck.ext4 -n; mkinitrd dump writes it to a file" });
  }
}
