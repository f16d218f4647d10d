import { createHash } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { MkinitrdError } from "../../core/errors.ts";
import { encodeNewcHead, encodeNewcTrailer, newcPadding, type NewcPlace } from "../../core/formats/newc.ts";
import type { Entry, PlannedLayer } from "../plan/types.ts";
import { readUnpacked } from "../unpack.ts";
import { hashFile } from "./hash.ts";

/**
 * The bytes of a layer's archive, in pieces. Throws when a file of the build machine can't be read, or is another one than when it was
 * hashed: `hashes` are those of `hashContent`, by path.
 */
export async function* archiveBytes(layer: PlannedLayer, mtime: number, hashes: ReadonlyMap<string, string> = new Map()): AsyncGenerator<Buffer> {
  let [inode, offsetBytes] = [0, 0];
  const alignBytes = dataAlignment(layer);
  for (const entry of layer.entries) {
    for await (const piece of member(entry, ++inode, mtime, alignBytes === undefined ? undefined : { offsetBytes, alignBytes }, hashes)) {
      offsetBytes += piece.length;
      yield piece;
    }
  }
  yield encodeNewcTrailer();
}

/**
 * Of what the place of each file's data in the archive is a multiple, in bytes; undefined where nothing asks for it. A processor takes
 * microcode from where it lies: Intel SDM 3A, 9.11.6, "Microcode Update Loader". The early layer is the first in the image.
 */
export function dataAlignment({ name }: PlannedLayer): number | undefined {
  return name === "early" ? 16 : undefined;
}

async function* member(entry: Entry, inode: number, mtime: number, place: NewcPlace | undefined, hashes: ReadonlyMap<string, string>): AsyncGenerator<Buffer> {
  const { path, type, mode } = entry;
  if (type === "directory") return yield encodeNewcHead({ path, type, mode, sizeBytes: 0 }, inode, mtime);
  if (type === "node") return yield encodeNewcHead({ path, type, mode, sizeBytes: 0, major: entry.major, minor: entry.minor }, inode, mtime);
  if (type === "file" && "file" in entry.from && entry.from.decompress === undefined) return yield* largeFile(entry.from.file, path, mode, inode, mtime, place, hashes.get(entry.from.file));
  const content = type === "link" ? Buffer.from(entry.target) : await contentOf(entry.from, hashes);
  yield encodeNewcHead({ path, type, mode, sizeBytes: content.length }, inode, mtime, place);
  yield content;
  yield newcPadding(content.length);
}

async function contentOf(from: Extract<Entry, { type: "file" }>["from"], hashes: ReadonlyMap<string, string>): Promise<Buffer> {
  if ("bytes" in from) return from.bytes;
  if (from.decompress === undefined) throw new Error("a plain file is written in pieces");
  const content = await readUnpacked(from.file, from.decompress);
  const expected = hashes.get(from.file);
  if (expected !== undefined && (await hashFile(from.file)) !== expected) throw changed(from.file);
  return content;
}

async function* largeFile(file: string, path: string, mode: number, inode: number, mtime: number, place: NewcPlace | undefined, expected: string | undefined): AsyncGenerator<Buffer> {
  const { size } = statSync(file);
  yield encodeNewcHead({ path, type: "file", mode, sizeBytes: size }, inode, mtime, place);
  const hash = createHash("sha256");
  let written = 0;
  for await (const piece of createReadStream(file, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    written += piece.length;
    if (written > size) break;
    if (expected !== undefined) hash.update(piece);
    yield piece;
  }
  if (size === 0 && written > 0) throw new MkinitrdError({ tried: "packing", on: file, found: "it says that it has no bytes, and has some, as files of /proc do", next: "pack a copy of it" });
  if (written !== size || (expected !== undefined && hash.digest("hex") !== expected)) throw changed(file);
  yield newcPadding(size);
}

function changed(file: string): MkinitrdError {
  return new MkinitrdError({ tried: "packing", on: file, found: "it changed while the image was being built", next: "build again" });
}
