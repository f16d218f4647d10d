import { chmodSync, closeSync, constants, copyFileSync, existsSync, fsyncSync, linkSync, lstatSync, openSync, readdirSync, readFileSync, renameSync, rmSync, statfsSync, statSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import type { BuiltLayer } from "../layers/types.ts";
import { modelessFilesystem } from "../audit/filesystem.ts";
import { checkReplaceable } from "../replace.ts";
import { withTemporary } from "../temporary.ts";
import { packedBytes } from "./packed-bytes.ts";
import { readBack } from "./read-back.ts";

const PIECE_BYTES = 4 * 1024 * 1024;
/** An image may hold keys. */
const IMAGE_MODE = 0o600;

/**
 * Writes the layers, one behind the other, to `output`: beside it first, synced, then renamed, with mode 0600. On any error
 * what was at `output` is as it was, and nothing is left beside it; so it is when `check`, which may read the new one where
 * it was written, throws. Gives the size in bytes.
 */
export async function writeImage(layers: readonly BuiltLayer[], output: string, { check, keepOld = false, wrap }: WriteOptions = {}): Promise<number> {
  const target = resolve(output);
  const place = (what: string) => join(dirname(target), `.${basename(target)}.${what}${process.pid}.new`);
  const [aside, wrapped] = [place(wrap === undefined ? "" : "initrd."), place("")];
  checkOutput(output);
  try {
    removeAbandoned(target);
    const bytes = packedBytes(layers);
    checkRoom(target, wrap === undefined ? bytes : 2 * bytes + wrap.moreBytes);
    return await withTemporary(aside, async () => {
      await writeAside(layers, aside);
      await readBack(aside, layers);
      await check?.(aside);
      return await withTemporary(wrapped, async () => {
        if (wrap !== undefined) await finishWrapped(wrap.make, aside, wrapped);
        const { size } = statSync(wrapped);
        if (keepOld && !isSameFile(target, wrapped)) await keepOldImage(target);
        renameSync(wrapped, target);
        syncFile(dirname(target)); // so that the new name survives a power cut, too
        return size;
      });
    });
  } catch (cause) {
    throw cause instanceof MkinitrdError ? cause : writeError(target, cause as NodeJS.ErrnoException);
  }
}

/**
 * Whether the output is these layers already, byte by byte, and for its owner only: then there is nothing to write. On vfat and its like
 * each file has the mode that the mount gives it, and a new one would have it, too. `filesystemType` gives statfs(2)'s f_type; a test has another one.
 */
export async function isInPlace(layers: readonly BuiltLayer[], output: string, filesystemType = (path: string): number => statfsSync(path).type): Promise<boolean> {
  const stats = lstatSync(resolve(output), { throwIfNoEntry: false });
  if (stats === undefined || !stats.isFile()) return false;
  const isOwn = (stats.mode & 0o7777) === IMAGE_MODE && stats.uid === process.geteuid?.();
  if (!isOwn && modelessFilesystem(filesystemType(dirname(resolve(output)))) === undefined) return false;
  if (stats.size !== packedBytes(layers)) return false;
  return readBack(resolve(output), layers).then(() => true, () => false);
}

export interface WriteOptions {
  /** Looks at the new image where it was written; when it throws the old one stays. */
  check?: ((aside: string) => Promise<void>) | undefined;
  /** What was at the output stays as OUTPUT.old, in place of an older one. */
  keepOld?: boolean | undefined;
  /** Makes what the output is to be of the initrd, where that is not it: a unified kernel image. */
  wrap?: Wrapping | undefined;
}

export interface Wrapping {
  make(initrd: string, to: string): Promise<void>;
  /** What it takes beside the initrd. */
  moreBytes: number;
}

/** The way back would be lost if the same image took the place of the one that was kept. */
function isSameFile(one: string, other: string): boolean {
  const sizes = [one, other].map((file) => statSync(file, { throwIfNoEntry: false })?.size);
  return sizes[0] !== undefined && sizes[0] === sizes[1] && readFileSync(one).equals(readFileSync(other));
}

async function finishWrapped(wrap: Wrapping["make"], initrd: string, to: string): Promise<void> {
  await wrap(initrd, to);
  chmodSync(to, IMAGE_MODE); // the initrd in it may hold keys
  syncFile(to);
}

/** Before anything is written: a boot partition that is full to the last block harms others, too. */
function checkRoom(target: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(dirname(target));
  const free = bavail * bsize;
  if (free >= bytes || bavail === 0) return; // none at all: some filesystems don't say, and writing finds out
  const mib = (count: number) => `${(count / 1024 ** 2).toFixed(1)} MiB`;
  throw new MkinitrdError({
    tried: "writing the image", on: target,
    found: `it takes ${mib(bytes)}, and ${mib(free)} are free there; what was there before is untouched`,
    next: "remove images of kernels that are gone, or choose another place: -o FILE",
  });
}

/** Another name for the old image, or a copy where a file has one name only (vfat). */
async function keepOldImage(target: string): Promise<void> {
  if (!existsSync(target)) return;
  const kept = `${target}.old`;
  checkReplaceable(kept, "keeping the old image");
  const aside = join(dirname(target), `.${basename(kept)}.${process.pid}.new`);
  await withTemporary(aside, async () => {
    rmSync(aside, { force: true });
    try {
      linkSync(target, aside);
    } catch {
      checkRoom(kept, statSync(target).size);
      copyFileSync(target, aside, constants.COPYFILE_EXCL);
      syncFile(aside);
    }
    renameSync(aside, kept);
  });
}

function syncFile(file: string): void {
  const descriptor = openSync(file, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Throws where no image can be: a build asks before it begins. */
export function checkOutput(output: string): void {
  if (output.endsWith("/")) {
    throw new MkinitrdError({ tried: "writing the image", on: output, found: "it is the name of a directory", next: "name a file in it: -o FILE" });
  }
  checkReplaceable(resolve(output), "writing the image");
}

async function writeAside(layers: readonly BuiltLayer[], aside: string): Promise<number> {
  const file = await open(aside, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, IMAGE_MODE);
  try {
    let bytes = 0;
    for (const layer of layers) bytes += await append(file, layer);
    await file.sync();
    return bytes;
  } finally {
    await file.close();
  }
}

/** What a build left that was killed while it wrote: a full /boot would stay full. */
function removeAbandoned(target: string): void {
  const prefix = `.${basename(target)}.`;
  for (const name of readdirSync(dirname(target))) {
    const pid = name.startsWith(prefix) ? /^(?:initrd\.|old\.)?(\d+)\.new$/.exec(name.slice(prefix.length))?.[1] : undefined;
    if (pid !== undefined && !isRunning(Number(pid))) rmSync(join(dirname(target), name), { force: true });
  }
}

function isRunning(pid: number): boolean {
  return pid !== process.pid && existsSync(`/proc/${pid}`);
}

async function append(image: FileHandle, layer: BuiltLayer): Promise<number> {
  const source = await open(layer.file, "r");
  try {
    const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, layer.bytes));
    let copied = 0;
    for (;;) {
      const { bytesRead } = await source.read(piece, 0, piece.length, copied);
      if (bytesRead === 0) break;
      await writeAll(image, piece.subarray(0, bytesRead));
      copied += bytesRead;
    }
    if (copied === layer.bytes) return copied;
    throw new MkinitrdError({ tried: `adding the layer ${layer.name}`, on: layer.file, found: `it has ${copied} bytes, ${layer.bytes} were written`, next: "build again" });
  } finally {
    await source.close();
  }
}

async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let written = 0; written < bytes.length;) written += (await file.write(bytes, written)).bytesWritten;
}

const REASONS: Record<string, { found: string; next: string }> = {
  ENOSPC: { found: "the filesystem is full", next: "make room, or choose another place: -o FILE" },
  EFBIG: { found: "the image is larger than a file may be here", next: "raise the limit (ulimit -f), or choose another place: -o FILE" },
  EDQUOT: { found: "your disk quota is used up", next: "make room, or choose another place: -o FILE" },
  EROFS: { found: "the filesystem is read-only", next: "mount it writable, or choose another place: -o FILE" },
  EACCES: { found: "you may not write there", next: "become root, or choose another place: -o FILE" },
  EPERM: { found: "you may not write there", next: "become root, or choose another place: -o FILE" },
  ENOENT: { found: "the directory does not exist", next: "make it, or choose another place: -o FILE" },
  ENOTDIR: { found: "a part of the path is no directory", next: "choose another place: -o FILE" },
};

function writeError(target: string, cause: NodeJS.ErrnoException): MkinitrdError {
  const reason = REASONS[cause.code ?? ""];
  return new MkinitrdError({
    tried: "writing the image", on: target, cause,
    found: reason === undefined ? cause.message : `${reason.found}; what was there before is untouched`,
    ...(reason === undefined ? {} : { next: reason.next }),
  });
}
