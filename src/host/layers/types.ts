import type { LayerName } from "../plan/types.ts";

/** How layers are packed; `level` is zstd's, 1 to 19. */
export type Compression = { format: "none" } | { format: "zstd"; level: number };

/** With the window of compress.ts 4 % smaller than level 10 on the Node binary, in 3 s of one processor in place of 2. */
export const DEFAULT_ZSTD_LEVEL = 12;

export interface LayerOptions {
  compression: Compression;
  /** Where built layers are kept; made when it is missing. */
  cacheDirectory: string;
  /** Modification time of every entry, in seconds. */
  mtime: number;
}

/** A layer as one archive on disk. */
export interface BuiltLayer {
  name: LayerName;
  /** The archive, in the cache. Its size is a multiple of four, so that another archive may follow. */
  file: string;
  bytes: number;
  /** Of the archive before it was compressed. */
  unpackedBytes: number;
  /** Entries that are files. */
  files: number;
  cacheHit: boolean;
}
