import { readFileSync } from "node:fs";
import { totalmem } from "node:os";
import { memorySource, piecesSource, type Source, window } from "../../core/binary/source.ts";
import { MkinitrdError } from "../../core/errors.ts";
import { isPe, peSection } from "../../core/formats/pe.ts";
import { type NewcMember, readNewc, readNewcContent, readNewcPieces } from "../../core/formats/newc.ts";
import type { CompressionName } from "../compressions.ts";
import { decompress, decompressGzipMember } from "../decompress.ts";
import { describeIoError } from "../read-text.ts";
import { statOf } from "../stat.ts";
import { ARCHIVE_ENDS, compressionAt, describeForeign } from "./archive-format.ts";
import { decompressLzma } from "./lzma.ts";

/** Bounds for what comes from anywhere. A small file that claims more is no image. */
export interface ReadLimits {
  /** The image itself. */
  packedBytes: number;
  /** All of its archives, unpacked. */
  unpackedBytes: number;
  /** Members and archives. */
  members: number;
  /** What one archive may unpack to, in sizes of the whole image, where that is more than does harm. */
  ratio: number;
}

const HARMLESS_BYTES = 64 * 1024 * 1024;

/** What is unpacked is held in memory, of which the kernel gives rootfs half, too. */
const LIMITS: ReadLimits = { packedBytes: 2 ** 31 - 1, unpackedBytes: Math.min(2 ** 31 - 1, Math.floor(totalmem() / 2)), members: 1_000_000, ratio: 500 };

/** One member of an archive; its path is as it was written. */
export interface ImageMember extends NewcMember {
  /** The content of a file, or a link's target. */
  read(): Promise<Buffer>;
  /** The same in pieces. */
  pieces(): AsyncIterable<Buffer>;
}

/** One archive of an image, or several in one compression: the kernel unpacks them alike. */
export interface ImageArchive {
  /** Where it begins in the image, and what it takes there. */
  offsetBytes: number;
  packedBytes: number;
  format: CompressionName | "cpio";
  unpackedBytes: number;
  /** All that it unpacks to. */
  source: Source;
  /** The members of each cpio archive in it. Hard links go no further than one of these. */
  parts: ImageMember[][];
}

/**
 * The archives of an image, of whatever tool: cpio (newc or crc), plain or compressed in a way that the kernel knows, with zero bytes between
 * them; a unified kernel image's are those of its sections. Kernel: Documentation/driver-api/early-userspace/buffer-format.rst, init/initramfs.c. Throws on what the kernel
 * would not unpack, and on what is beyond the limits.
 */
export async function readImage(file: string, limits = LIMITS): Promise<ImageArchive[]> {
  const bytes = readAll(file, limits.packedBytes);
  if (!isPe(bytes)) return readArchives(bytes, file, limits);
  const sections = UKI_SECTIONS.flatMap((section) => peSection(bytes, section, file) ?? []);
  if (sections.length === 0) throw refuse(file, "a kernel or another EFI program, without an initrd in it (.initrd)");
  return readArchives(Buffer.concat(sections.flatMap((section) => [section, Buffer.alloc(-section.length & 3)])), `${file}, section ${UKI_SECTIONS.join(" and ")}`, limits);
}

/** Of a unified kernel image, in the order in which its stub gives them to the kernel. https://uapi-group.org/specifications/specs/unified_kernel_image/ */
const UKI_SECTIONS = [".ucode", ".initrd"];

/** The same of bytes in memory; `file` is what a person calls them. */
export async function readArchives(bytes: Buffer, file: string, limits = LIMITS): Promise<ImageArchive[]> {
  const archives: ImageArchive[] = [];
  const left = { ...limits };
  for (let at = skipZeroes(bytes, 0); at < bytes.length;) {
    const archive = await readArchive(bytes, at, file, left);
    archives.push(archive);
    left.unpackedBytes -= archive.unpackedBytes;
    left.members -= archive.parts.reduce((count, part) => count + part.length + 1, 0);
    at = skipZeroes(bytes, at + archive.packedBytes);
    if (left.members < 0) throw refuse(file, `more than ${limits.members} members and archives`);
  }
  if (archives.length === 0) throw refuse(file, bytes.length === 0 ? "it is empty" : "it holds nothing but zero bytes");
  return archives;
}

function readAll(file: string, mostBytes: number): Buffer {
  const stats = statOf(file); // before it is opened: a pipe would wait for somebody to write to it
  if (stats === undefined) throw refuse(file, "no such file");
  if (!stats.isFile()) throw refuse(file, stats.isDirectory() ? "it is a directory" : "it is no regular file");
  if (stats.size > mostBytes) throw refuse(file, `it has ${stats.size} bytes; ${mostBytes} are the most`);
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new MkinitrdError({ tried: TRIED, on: file, found: describeIoError(cause), cause });
  }
}

async function readArchive(bytes: Buffer, at: number, file: string, left: ReadLimits): Promise<ImageArchive> {
  if (/^07070[12]$/.test(bytes.toString("latin1", at, at + 6))) {
    if (at % 4 !== 0) throw refuse(`${file} at byte ${at}`, "a plain archive; the kernel takes one only at a multiple of four bytes");
    const all = memorySource(bytes, file);
    const { members, endBytes } = await readNewc(all, at, left.members);
    const sizeBytes = endBytes - at;
    return { offsetBytes: at, packedBytes: sizeBytes, format: "cpio", unpackedBytes: sizeBytes, source: window(all, at, sizeBytes), parts: [withContent(all, members)] };
  }
  const format = compressionAt(bytes, at);
  if (format === undefined) throw refuse(`${file} at byte ${at}`, describeForeign(bytes, at));
  const { pieces, endBytes } = await unpack(format, bytes, at, file, Math.min(left.unpackedBytes, Math.max(HARMLESS_BYTES, left.ratio * bytes.length)));
  const source = piecesSource(pieces, `${file}, unpacked (${format}) from byte ${at} on`);
  return { offsetBytes: at, packedBytes: endBytes - at, format, unpackedBytes: source.sizeBytes, source, parts: await readParts(source, left.members) };
}

async function unpack(format: CompressionName, bytes: Buffer, at: number, file: string, mostBytes: number): Promise<{ pieces: Buffer[]; endBytes: number }> {
  if (format === "gzip") return decompressGzipMember(bytes, at, file, mostBytes);
  if (format === "lzma") return decompressLzma(bytes, at, file, mostBytes);
  const endBytes = ARCHIVE_ENDS[format]?.(bytes, at, file) ?? bytes.length;
  return { pieces: await decompress(bytes.subarray(at, endBytes), format, `${file} at byte ${at}`, mostBytes), endBytes };
}

/** What one compression holds: cpio archives, with zero bytes between them. */
async function readParts(source: Source, mostMembers: number): Promise<ImageMember[][]> {
  const parts: ImageMember[][] = [];
  for (let at = 0, left = mostMembers; at < source.sizeBytes;) {
    const { members, endBytes } = await readNewc(source, at, left);
    parts.push(withContent(source, members));
    left -= members.length + 1;
    at = await skipZeroesOf(source, endBytes);
    if (at % 4 !== 0 && at < source.sizeBytes) throw refuse(`${source.name}, there at byte ${at}`, "an archive may begin at a multiple of four bytes only");
  }
  return parts;
}

function withContent(source: Source, members: NewcMember[]): ImageMember[] {
  return members.map((member) => ({ ...member, read: () => readNewcContent(source, member), pieces: () => readNewcPieces(source, member) }));
}

async function skipZeroesOf(source: Source, from: number): Promise<number> {
  for (let at = from; at < source.sizeBytes;) {
    const piece = await source.read(at, Math.min(64 * 1024, source.sizeBytes - at));
    const zeroes = skipZeroes(piece, 0);
    at += zeroes;
    if (zeroes < piece.length) return at;
  }
  return source.sizeBytes;
}

function skipZeroes(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at] === 0) at++;
  return at;
}

const TRIED = "reading the image";

function refuse(on: string, found: string): MkinitrdError {
  return new MkinitrdError({ tried: TRIED, on, found });
}
