import type { Duplex, Readable } from "node:stream";
import { crc32, createGunzip, createInflateRaw, createZstdDecompress } from "node:zlib";
import { hex32, MkinitrdError } from "../core/errors.ts";
import { GZIP_TRAILER_BYTES, gzipDataStart } from "../core/formats/gzip-member.ts";
import { COMPRESSIONS, type CompressionName } from "./compressions.ts";
import { FilterFailed, throughProgram } from "./filter-program.ts";

const PIECE_BYTES = 1024 * 1024;
/** A hostile header asks xz for 4 GiB. */
const XZ_MEMORY = "--memlimit-decompress=1GiB";

/** The cause of an error where what is unpacked reaches its limit. */
export class TooLarge extends Error {}

/**
 * The content of compressed bytes, in pieces. `name` is what a person calls them. Throws when they are broken, when they unpack to more
 * than `mostBytes`, and naming the package when the program for the format is missing.
 */
export async function decompress(bytes: Buffer, format: CompressionName, name: string, mostBytes: number): Promise<Buffer[]> {
  try {
    if (format === "zstd") return await throughStream(createZstdDecompress({ chunkSize: PIECE_BYTES }), bytes, mostBytes);
    if (format === "gzip") return await throughStream(createGunzip({ chunkSize: PIECE_BYTES }), bytes, mostBytes);
    return await unpackWithProgram(format, bytes, mostBytes);
  } catch (cause) {
    throw decompressError(cause, format, name);
  }
}

/** The content of the one gzip member that begins at `offsetBytes`, and where it ends. Throws as `decompress` does. */
export async function decompressGzipMember(bytes: Buffer, offsetBytes: number, name: string, mostBytes: number): Promise<{ pieces: Buffer[]; endBytes: number }> {
  const start = gzipDataStart(bytes, offsetBytes, name);
  const inflate = createInflateRaw({ chunkSize: PIECE_BYTES });
  try {
    const pieces = await throughStream(inflate, bytes.subarray(start), mostBytes);
    const trailer = start + inflate.bytesWritten;
    if (trailer + GZIP_TRAILER_BYTES > bytes.length) throw new Error(`it is cut off: the file ends at byte ${bytes.length}`);
    const sum = pieces.reduce((all, piece) => crc32(piece, all), 0);
    const written = bytes.readUInt32LE(trailer);
    if (sum !== written) throw new Error(`the checksum of the content is ${hex32(sum)}, the trailer says ${hex32(written)}`);
    return { pieces, endBytes: trailer + GZIP_TRAILER_BYTES };
  } catch (cause) {
    throw decompressError(cause, "gzip", `${name} at byte ${offsetBytes}`);
  }
}

async function throughStream(stream: Duplex, bytes: Buffer, mostBytes: number): Promise<Buffer[]> {
  stream.end(bytes);
  return collect(stream, mostBytes);
}

/** Held in memory, up to the limit. */
async function unpackWithProgram(format: CompressionName, bytes: Buffer, mostBytes: number): Promise<Buffer[]> {
  const { program, formatArguments } = COMPRESSIONS[format];
  const args = [...(program === "xz" ? [...formatArguments, XZ_MEMORY] : []), "-d", "-c", "-q"];
  try {
    return await throughProgram({ program, args, mayStopEarly: true }, [bytes], (output) => collect(output, mostBytes));
  } catch (error) {
    throw error instanceof FilterFailed && error.said === "" ? new Error(`it is damaged: ${error.message}`, { cause: error }) : error;
  }
}

async function collect(stream: Readable, mostBytes: number): Promise<Buffer[]> {
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  for await (const piece of stream as AsyncIterable<Buffer>) {
    sizeBytes += piece.length;
    if (sizeBytes > mostBytes) throw new TooLarge(`it unpacks to more than ${mostBytes} bytes`);
    pieces.push(piece);
  }
  return pieces;
}

function decompressError(cause: unknown, format: CompressionName, name: string): MkinitrdError {
  const about = { tried: `unpacking (${format})`, on: name, cause };
  const { program, package: debian } = COMPRESSIONS[format];
  if ((cause as NodeJS.ErrnoException).code === "ENOENT") {
    return new MkinitrdError({ ...about, found: `the ${program} program is not on this machine`, next: `install it; on Debian: apt-get install ${debian}` });
  }
  return new MkinitrdError({ ...about, found: cause instanceof Error ? cause.message : String(cause) });
}
