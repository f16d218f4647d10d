import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip, zstdDecompress, type ZlibOptions, type ZstdOptions } from "node:zlib";
import { MkinitrdError } from "../core/errors.ts";
import type { Decompress } from "./plan/types.ts";

/** No kernel module or firmware is near this; what claims to be larger is not unpacked. */
const UNPACKED_BYTES_MAX = 512 * 1024 * 1024;

/** The content of a compressed file. xz needs the xz program. */
export async function readUnpacked(file: string, format: Decompress): Promise<Buffer> {
  try {
    if (format === "xz") return await xz(file);
    const limit = { maxOutputLength: UNPACKED_BYTES_MAX };
    const bytes = await readFile(file);
    return format === "zstd" ? await promisify<Buffer, ZstdOptions, Buffer>(zstdDecompress)(bytes, limit) : await promisify<Buffer, ZlibOptions, Buffer>(gunzip)(bytes, limit);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT" && format === "xz";
    throw new MkinitrdError({
      tried: `unpacking (${format})`, on: file, cause,
      found: cause instanceof Error ? cause.message : String(cause),
      ...(missing ? { next: "install the xz program; on Debian: apt-get install xz-utils" } : {}),
    });
  }
}

/** Straight from spawn: core/exec gives text, and this is bytes. */
function xz(file: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn("xz", ["--decompress", "--stdout", "--keep", "--", file], { stdio: ["ignore", "pipe", "pipe"] });
    const chunks: Buffer[] = [];
    let errors = "";
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    child.once("error", reject);
    child.once("close", (code) => (code === 0 ? resolve(Buffer.concat(chunks)) : reject(new Error(errors.trim() || `xz ended with ${code}`))));
  });
}
