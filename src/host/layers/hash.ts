import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { MkinitrdError } from "../../core/errors.ts";
import type { FileMemo } from "../file-memo.ts";
import { mapLimited } from "../map-limited.ts";
import type { Entry, PlannedLayer } from "../plan/types.ts";
import { describeIoError } from "../read-text.ts";
import { dataAlignment } from "./archive.ts";
import type { LayerOptions } from "./types.ts";

/** Changes when the bytes that we write for the same entries change. */
const ARCHIVE_VERSION = 2;
const FILES_AT_ONCE = 16;

/** What a layer holds. */
export interface ContentHash {
  /** Of all that decides it: each entry's path, type, mode and content, and how its data is aligned. In hexadecimal. */
  hash: string;
  /** SHA-256 of the files that it is made from, by their paths: what is packed later has to be just this. */
  files: ReadonlyMap<string, string>;
}

/** Hashes the content of a layer; files that the memo knows are not read. */
export async function hashContent(layer: PlannedLayer, memo: FileMemo): Promise<ContentHash> {
  const files = new Map<string, string>();
  const lines = await mapLimited(layer.entries, FILES_AT_ONCE, async (entry) => JSON.stringify([entry.path, entry.type, entry.mode, await contentOf(entry, memo, files)]));
  const alignBytes = dataAlignment(layer);
  return { files, hash: sha256([...(alignBytes === undefined ? [] : [`aligned ${alignBytes}`]), ...lines].join("\n")) };
}

/** Hash that names a built layer in the cache: its content, and how it is written. */
export function hashArchive(contentHash: string, { compression, mtime }: LayerOptions, compressor: string): string {
  return sha256(JSON.stringify([ARCHIVE_VERSION, contentHash, compression, compressor, mtime]));
}

/** SHA-256 in hexadecimal. */
export function sha256(data: string | Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}

async function contentOf(entry: Entry, memo: FileMemo, files: Map<string, string>): Promise<unknown> {
  if (entry.type === "link") return entry.target;
  if (entry.type === "node") return [entry.major, entry.minor];
  if (entry.type === "directory") return "";
  if ("bytes" in entry.from) return sha256(entry.from.bytes);
  const { file, decompress } = entry.from;
  try {
    const hash = await memo.get(file, "sha256", () => hashFile(file));
    files.set(file, hash);
    return [hash, decompress ?? ""];
  } catch (cause) {
    throw new MkinitrdError({ tried: `packing /${entry.path} (${entry.reason})`, on: file, found: describeIoError(cause), next: "let the file be read, or take it out of the image", cause });
  }
}

/** SHA-256 of a file's content, in hexadecimal. */
export async function hashFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest("hex");
}
