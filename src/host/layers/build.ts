import { appendFileSync, createWriteStream, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { crc32 } from "node:zlib";
import { MkinitrdError } from "../../core/errors.ts";
import { cacheError, makeCacheDirectory } from "../cache.ts";
import type { PlannedLayer } from "../plan/types.ts";
import { describeIoError } from "../read-text.ts";
import { withTemporary } from "../temporary.ts";
import { archiveBytes } from "./archive.ts";
import { chooseCompressor, compress, type Compressor, compressorId, paddingBehind } from "./compress.ts";
import { type ContentHash, hashArchive } from "./hash.ts";
import { markUsed } from "./prune.ts";
import type { BuiltLayer, LayerOptions, WrittenArchive } from "./types.ts";

let built = 0; // tells apart the temporary files of one process

/**
 * A layer as one compressed cpio archive, from the cache when it was built before. Several processes may build the same
 * layer at once: each writes aside and renames. `content` is that of `hashContent`.
 */
export async function buildLayer(layer: PlannedLayer, content: ContentHash, options: LayerOptions): Promise<BuiltLayer> {
  const compressor = chooseCompressor(options.compression);
  const file = join(options.cacheDirectory, `${hashArchive(content.hash, options, compressorId(compressor))}.cpio`);
  const files = layer.entries.filter(({ type }) => type === "file").length;
  const cached = readCached(file);
  if (cached !== undefined) return { name: layer.name, file, files, cacheHit: true, ...cached };
  const aside = `${file}.${process.pid}.${built++}`;
  makeCacheDirectory(options.cacheDirectory);
  try {
    const sizes = await withTemporary(aside, () => withTemporary(`${aside}.size`, async () => {
      const { unpackedCrc32, ...sizes } = await write(layer, content, aside, options, compressor);
      await options.check?.(layer, aside, { unpackedBytes: sizes.unpackedBytes, unpackedCrc32 });
      const written = { ...sizes, crc32: crc32(readFileSync(aside)) };
      writeFileSync(`${aside}.size`, JSON.stringify(written), { mode: 0o600 });
      renameSync(`${aside}.size`, `${file}.size`);
      renameSync(aside, file);
      return written;
    }));
    return { name: layer.name, file, files, cacheHit: false, ...sizes };
  } catch (cause) {
    throw cause instanceof MkinitrdError ? cause : layerError(layer, options.cacheDirectory, cause as NodeJS.ErrnoException);
  }
}

/** What went wrong with the cache, or with a file that was to be packed. */
function layerError(layer: PlannedLayer, cacheDirectory: string, cause: NodeJS.ErrnoException): MkinitrdError {
  if (["ENOSPC", "EDQUOT"].includes(cause.code ?? "") || cause.path?.startsWith(cacheDirectory) === true) return cacheError(cacheDirectory, cause);
  return new MkinitrdError({ tried: `building the layer ${layer.name}`, on: cause.path ?? cacheDirectory, found: describeIoError(cause), cause });
}

/** The sizes of a layer in the cache; undefined where it has another length. Its bytes are not read: see `forgetDamaged`. */
function readCached(file: string): Pick<BuiltLayer, "bytes" | "unpackedBytes" | "crc32"> | undefined {
  try {
    const { bytes, unpackedBytes, crc32: written } = JSON.parse(readFileSync(`${file}.size`, "utf8")) as BuiltLayer;
    if (![bytes, unpackedBytes, written].every(Number.isSafeInteger) || statSync(file).size !== bytes) return undefined;
    markUsed(file);
    return { bytes, unpackedBytes, crc32: written };
  } catch {
    return undefined;
  }
}

/**
 * Takes layers out of the cache that are not what was written (a power cut, a dying disk), and says whether there was one. An
 * image is read back with the checksums of its layers: they are read for this only when that fails.
 */
export function forgetDamaged(layers: readonly BuiltLayer[]): boolean {
  const damaged = layers.filter((layer) => !isIntact(layer));
  for (const { file, name } of damaged) {
    try {
      rmSync(`${file}.size`, { force: true });
    } catch (cause) {
      throw new MkinitrdError({ tried: `taking the damaged layer ${name} out of the cache`, on: file, found: describeIoError(cause), next: "let it be removed, or name another cache: MKINITRD_CACHE=DIRECTORY", cause });
    }
  }
  return damaged.length > 0;
}

function isIntact({ file, crc32: written }: BuiltLayer): boolean {
  try {
    return crc32(readFileSync(file)) === written;
  } catch {
    return false;
  }
}

/** mode 0600: a site layer may hold key files. */
async function write(layer: PlannedLayer, { files }: ContentHash, file: string, { compression, mtime }: LayerOptions, compressor: Compressor): Promise<{ bytes: number } & WrittenArchive> {
  const output = createWriteStream(file, { mode: 0o600 });
  let [unpackedBytes, unpackedCrc32] = [0, 0];
  await compress(counted(), output, compression, compressor);
  output.end();
  await finished(output);
  const padding = paddingBehind(compression.format, output.bytesWritten);
  appendFileSync(file, padding);
  return { bytes: output.bytesWritten + padding.length, unpackedBytes, unpackedCrc32 };

  async function* counted(): AsyncGenerator<Buffer> {
    for await (const piece of archiveBytes(layer, mtime, files)) {
      unpackedBytes += piece.length;
      unpackedCrc32 = crc32(piece, unpackedCrc32);
      yield piece;
    }
  }
}
