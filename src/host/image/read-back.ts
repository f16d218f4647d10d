import { readFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { hex32, MkinitrdError } from "../../core/errors.ts";
import { quote } from "../../core/quote.ts";
import type { BuiltLayer, WrittenArchive } from "../layers/types.ts";
import type { Entry, PlannedLayer } from "../plan/types.ts";
import { type ImageMember, readArchives } from "./read.ts";

const PIECE_BYTES = 1024 * 1024;
const NEXT = "build again; if it happens again, the memory, the disk or the compressor of this machine is at fault";

/**
 * Throws unless the archive that was written for a layer unpacks to what was packed, bit by bit, and has the layer's entries in their order. Once for
 * each layer: what the cache has was checked when it was built, and `readBack` compares its checksum with every image that it goes into.
 */
export async function checkArchive(layer: PlannedLayer, file: string, { unpackedBytes, unpackedCrc32 }: WrittenArchive): Promise<void> {
  const broken = (found: string, cause?: unknown) => new MkinitrdError({ tried: "reading back what was packed", on: `the layer ${layer.name}`, found, next: NEXT, cause });
  const limits = { packedBytes: Infinity, unpackedBytes: unpackedBytes + 1, members: layer.entries.length + 2, ratio: Infinity };
  const [archive, ...others] = await readArchives(readFileSync(file), file, limits).catch((cause: unknown) => {
    throw broken(cause instanceof Error ? cause.message.split("\n", 1)[0]! : String(cause), cause);
  });
  if (archive === undefined || others.length > 0) throw broken(`it is ${others.length + 1} archives, not one`);
  let sum = 0;
  for (let at = 0; at < archive.unpackedBytes; at += PIECE_BYTES) sum = crc32(await archive.source.read(at, Math.min(PIECE_BYTES, archive.unpackedBytes - at)), sum);
  if (archive.unpackedBytes !== unpackedBytes || sum !== unpackedCrc32) {
    throw broken(`it unpacks to ${archive.unpackedBytes} bytes with CRC ${hex32(sum)}, what was packed had ${unpackedBytes} with ${hex32(unpackedCrc32)}`);
  }
  const members = archive.parts.flat();
  const wrong = layer.entries.findIndex((entry, index) => !isSame(entry, members[index]));
  if (wrong !== -1 || members.length !== layer.entries.length) {
    throw broken(`entry ${wrong + 1} is ${quote(members[wrong]?.path ?? "none")}, and of ${members.length} entries; the plan has ${quote(layer.entries[wrong]?.path ?? "none")} there, of ${layer.entries.length}`);
  }
}

function isSame(entry: Entry, member: ImageMember | undefined): boolean {
  if (member === undefined || member.path !== entry.path || member.type !== entry.type || member.mode !== entry.mode || member.uid !== 0 || member.gid !== 0) return false;
  return entry.type !== "node" || (member.major === entry.major && member.minor === entry.minor);
}

/** Throws unless an image that was written holds its layers, byte by byte, and nothing else: read from where it lies. */
export async function readBack(file: string, layers: readonly BuiltLayer[]): Promise<void> {
  const broken = (found: string) => new MkinitrdError({ tried: "reading back the image", on: file, found: `${found}; what was there before is untouched`, next: NEXT });
  const image = await open(file, "r");
  try {
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    let at = 0;
    for (const { name, bytes, crc32: expected } of layers) {
      let sum = 0;
      for (const end = at + bytes; at < end;) {
        const { bytesRead } = await image.read(piece, 0, Math.min(PIECE_BYTES, end - at), at);
        if (bytesRead === 0) throw broken(`it ends at byte ${at}, within the layer ${name}`);
        sum = crc32(piece.subarray(0, bytesRead), sum);
        at += bytesRead;
      }
      if (sum !== expected) throw broken(`the layer ${name}, up to byte ${at}, has CRC ${hex32(sum)}, not ${hex32(expected)}`);
    }
    const { size } = await image.stat();
    if (size !== at) throw broken(`it has ${size} bytes, its layers have ${at}`);
  } finally {
    await image.close();
  }
}
