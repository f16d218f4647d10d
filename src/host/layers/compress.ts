import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants as zlib, createGzip, createZstdCompress } from "node:zlib";
import { MkinitrdError } from "../../core/errors.ts";
import { clearLzopTime, LZOP_HEADER_BYTES_MAX } from "../../core/formats/lzop.ts";
import { type CompressionName, COMPRESSIONS } from "../compressions.ts";
import { FilterFailed, throughProgram } from "../filter-program.ts";
import { isProgram, statOf } from "../stat.ts";
import type { Compression } from "./types.ts";

/** What writes a layer: the zstd program works on all processors, Node's own on one, and their bytes differ. */
export type Compressor = "none" | "node:zlib" | `${string} program`;

/** 2^24 bytes: a window that sees more of the Node binary than the 8 MiB of these levels. The kernel takes up to 2^27. */
const WINDOW_LOG = 24;

/** The compressor for a format on this machine. Throws when its program is missing, with the package that has it. */
export function chooseCompressor({ format }: Compression, path = process.env["PATH"] ?? ""): Compressor {
  if (format === "none") return "none";
  if (format === "gzip") return "node:zlib"; // the program would gain nothing, and writes its own name for the system
  const { program } = COMPRESSIONS[format];
  if (path.split(":").some((directory) => isProgram(join(directory, program)))) return `${program} program`;
  if (format === "zstd") return "node:zlib";
  throw missingProgram(format);
}

/** Tells apart the compressors whose bytes may differ: another version of a program is another one. */
export function compressorId(compressor: Compressor, path = process.env["PATH"] ?? ""): string {
  if (!compressor.endsWith(" program")) return compressor;
  const program = compressor.slice(0, -" program".length);
  const file = path.split(":").map((directory) => join(directory, program)).find(isProgram);
  const stats = file === undefined ? undefined : statOf(file);
  return [compressor, stats?.size, stats?.mtimeMs].join(" ");
}

/** Writes `bytes` compressed to `output`, as one frame: the kernel decodes one for each archive. Does not end `output`. */
export async function compress(bytes: AsyncIterable<Buffer>, output: Writable, compression: Compression, compressor: Compressor): Promise<void> {
  if (compression.format === "none") return pipeline(Readable.from(bytes), output, { end: false });
  const { format, level } = compression;
  if (compressor !== "node:zlib") return compressWithProgram(bytes, output, format, level);
  // nbWorkers stays unset: with it this Node gives an empty buffer.
  const zstd = { params: { [zlib.ZSTD_c_compressionLevel]: level, [zlib.ZSTD_c_windowLog]: WINDOW_LOG } };
  await pipeline(Readable.from(bytes), format === "gzip" ? createGzip({ level }) : createZstdCompress(zstd), output, { end: false });
}

/** Bytes between a compressed archive and the next one, which begins on a 4-byte boundary. */
export function paddingBehind(format: Compression["format"], lengthBytes: number): Buffer {
  // unlz4 of the kernel reads chunks until one has the length zero (2c484419efc0, in 5.14 and in the stable kernels of July 2021).
  const end = format === "lz4" ? 4 : 0;
  return Buffer.alloc(end + ((4 - ((lengthBytes + end) % 4)) % 4));
}

/** No checksum of the content for zstd, and CRC-32 for xz: the kernel has neither XXH64 nor CRC-64 there. Two threads and one write different bytes of xz. */
function programArguments(format: CompressionName, level: number): string[] {
  const own: Partial<Record<CompressionName, string[]>> = {
    zstd: ["-T0", `--zstd=wlog=${WINDOW_LOG}`, "--no-check"],
    xz: ["--check=crc32", `--threads=${Math.max(2, availableParallelism())}`],
  };
  return [...COMPRESSIONS[format].formatArguments, ...(own[format] ?? []), `-${level}`, "-q", "-c"];
}

/** A stream in, a stream out: a layer does not have to be in memory. */
async function compressWithProgram(bytes: AsyncIterable<Buffer>, output: Writable, format: CompressionName, level: number): Promise<void> {
  const { program } = COMPRESSIONS[format];
  try {
    await throughProgram({ program, args: programArguments(format, level) }, bytes, (packed) => pipeline(format === "lzop" ? withoutTime(packed) : packed, output, { end: false }));
  } catch (error) {
    throw error instanceof FilterFailed ? new MkinitrdError({ tried: `running ${program}`, on: `a layer at level ${level}`, found: error.said || error.message, cause: error }) : error;
  }
}

async function* withoutTime(packed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let beginning: Buffer | undefined = Buffer.alloc(0);
  for await (const piece of packed) {
    if (beginning !== undefined) beginning = Buffer.concat([beginning, piece]);
    if (beginning === undefined) yield piece;
    else if (beginning.length >= LZOP_HEADER_BYTES_MAX) {
      yield clearLzopTime(beginning);
      beginning = undefined;
    }
  }
  if (beginning !== undefined) yield clearLzopTime(beginning);
}

function missingProgram(format: CompressionName): MkinitrdError {
  const { program, package: debian } = COMPRESSIONS[format];
  return new MkinitrdError({
    tried: "choosing the compression", on: format, found: `the program ${program} is not on this machine`,
    next: `install it (on Debian: apt-get install ${debian}), or choose zstd or gzip, which need no program`,
  });
}
