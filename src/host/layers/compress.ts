import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants as zlib, createZstdCompress } from "node:zlib";
import { MkinitrdError } from "../../core/errors.ts";
import type { Compression } from "./types.ts";

/** Which zstd writes a layer: the program works on all processors, Node's own on one. Their bytes differ. */
export type Compressor = "none" | "zstd program" | "node:zlib";

/** 2^24 bytes: a window that sees more of the Node binary than the 8 MiB of these levels. The kernel takes up to 2^27. */
const WINDOW_LOG = 24;

/** The compressor for a format on this machine. */
export function chooseCompressor({ format }: Compression, path = process.env["PATH"] ?? ""): Compressor {
  if (format === "none") return "none";
  return path.split(":").some((directory) => isProgram(join(directory, "zstd"))) ? "zstd program" : "node:zlib";
}

/** Writes `bytes` compressed to `output`, as one frame: the kernel decodes one for each archive. Does not end `output`. */
export async function compress(bytes: AsyncIterable<Buffer>, output: Writable, compression: Compression, compressor: Compressor): Promise<void> {
  if (compression.format === "none") return pipeline(Readable.from(bytes), output, { end: false });
  if (compressor === "zstd program") return compressWithProgram(bytes, output, compression.level);
  // nbWorkers stays unset: with it this Node gives an empty buffer.
  const encoder = createZstdCompress({ params: { [zlib.ZSTD_c_compressionLevel]: compression.level, [zlib.ZSTD_c_windowLog]: WINDOW_LOG } });
  await pipeline(Readable.from(bytes), encoder, output, { end: false });
}

/** Straight from spawn: core/exec gives text, and this is a stream of bytes. */
async function compressWithProgram(bytes: AsyncIterable<Buffer>, output: Writable, level: number): Promise<void> {
  const child = spawn("zstd", ["-T0", `-${level}`, `--zstd=wlog=${WINDOW_LOG}`, "--no-check", "--quiet", "--stdout"], { stdio: ["pipe", "pipe", "pipe"] });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const ended = new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => (code === 0 ? resolve() : reject(failed(level, errors.trim() || `it ended with ${code ?? signal}`))));
  });
  try {
    await Promise.all([pipeline(Readable.from(bytes), child.stdin), pipeline(child.stdout, output, { end: false }), ended]);
  } catch (error) {
    child.kill("SIGKILL");
    await ended.catch(() => {});
    throw error;
  }
}

function failed(level: number, found: string): MkinitrdError {
  return new MkinitrdError({ tried: "running zstd", on: `a layer at level ${level}`, found });
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
