import type { CompressionName } from "../compressions.ts";
import type { LayerName, PlannedLayer } from "../plan/types.ts";

/** How layers are packed; `level` is within the format's own. */
export type Compression = { format: "none" } | { format: CompressionName; level: number };

export interface LayerOptions {
  compression: Compression;
  /** Where built layers are kept; made when it is missing. */
  cacheDirectory: string;
  /** Modification time of every entry, in seconds. */
  mtime: number;
  /** Reads back what was written, before the cache has it; when it throws, the cache has nothing. */
  check?(layer: PlannedLayer, file: string, written: WrittenArchive): Promise<void>;
}

/** An archive as it was before it was compressed. */
export interface WrittenArchive {
  unpackedBytes: number;
  unpackedCrc32: number;
}

/** A layer as one archive on disk. */
export interface BuiltLayer {
  name: LayerName;
  /** The archive, in the cache. Its size is a multiple of four, so that another archive may follow. */
  file: string;
  bytes: number;
  /** Of these bytes. */
  crc32: number;
  /** Of the archive before it was compressed. */
  unpackedBytes: number;
  /** Entries that are files. */
  files: number;
  cacheHit: boolean;
}
