import { readFileSync } from "node:fs";
import { zstdDecompressSync } from "node:zlib";
import { memorySource } from "../../core/binary/source.ts";
import { MkinitrdError } from "../../core/errors.ts";
import { type NewcMember, readNewc, readNewcContent } from "../../core/formats/newc.ts";
import { ZSTD_MAGIC, zstdFrameEnd } from "../../core/formats/zstd-frame.ts";
import { checkImage } from "../qemu/check-image.ts";
import { describeIoError } from "../read-text.ts";

/** One archive may unpack to so much; a small file that claims more is no image. */
const MOST_UNPACKED_BYTES = 2 * 1024 * 1024 * 1024 - 1;

/** One file, directory, link or node of an image. */
export interface ImageMember extends NewcMember {
  /** The content of a file, or a link's target. */
  read(): Promise<Buffer>;
}

/**
 * What the kernel would unpack from an image of ours: archives behind one another, plain or in zstd frames, with zero bytes
 * between them. A member that a later one of the same path replaces is left out. Throws on other compressions.
 */
export async function readImage(file: string): Promise<ImageMember[]> {
  checkImage(file);
  const bytes = readAll(file);
  const members = new Map<string, ImageMember>();
  for (let at = skipZeroes(bytes, 0); at < bytes.length; at = skipZeroes(bytes, at)) {
    const isZstd = bytes.length - at >= 4 && bytes.readUInt32LE(at) === ZSTD_MAGIC;
    const end = isZstd ? zstdFrameEnd(bytes, at, file) : undefined;
    const source = memorySource(end === undefined ? bytes : unpack(bytes.subarray(at, end), file, at), file);
    if (end === undefined) checkArchive(bytes, at, file);
    const { members: found, endBytes } = await readNewc(source, end === undefined ? at : 0);
    for (const member of found) {
      const path = member.path.replace(/^(\.?\/)+/, "");
      members.set(path, { ...member, path, read: () => readNewcContent(source, member) });
    }
    at = end ?? endBytes;
  }
  return [...members.values()];
}

function readAll(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new MkinitrdError({ tried: "reading the image", on: file, found: describeIoError(cause), cause });
  }
}

function skipZeroes(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at] === 0) at++;
  return at;
}

function checkArchive(bytes: Buffer, at: number, file: string): void {
  if (/^07070[12]/.test(bytes.toString("latin1", at, at + 6))) return;
  throw new MkinitrdError({
    tried: "reading the image", on: `${file} at byte ${at}`,
    found: `0x${bytes.toString("hex", at, at + 4)}, which begins neither a cpio archive nor a zstd frame; other compressions are not read`,
  });
}

function unpack(frame: Buffer, file: string, at: number): Buffer {
  try {
    return zstdDecompressSync(frame, { maxOutputLength: MOST_UNPACKED_BYTES });
  } catch (cause) {
    throw new MkinitrdError({ tried: "decompressing the archive", on: `${file} at byte ${at}`, found: cause instanceof Error ? cause.message : String(cause), cause });
  }
}
