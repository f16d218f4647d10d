/** One way in which an archive of an image may be compressed, of those that Linux unpacks. */
export interface CompressionFormat {
  /** How a stream begins. lib/decompress.c goes by the first two bytes; `lzma` has no more that is fixed. */
  magic: Buffer;
  /** The symbol of the kernel's configuration without which it does not unpack this. usr/Kconfig */
  kernelSymbol: string;
  /** What packs and unpacks it, with the words that choose this format, and the Debian package it comes from. */
  program: string;
  formatArguments: string[];
  package: string;
  /** The levels that the program knows, and the one that we take where none is given. */
  levels: { least: number; most: number; usual: number };
}

/** The names that `compression:` takes, beside `none`. */
export const COMPRESSION_NAMES = ["zstd", "gzip", "xz", "lz4", "lzma", "bzip2", "lzop"] as const;
export type CompressionName = (typeof COMPRESSION_NAMES)[number];

/** Where no level is given. */
export const DEFAULT_ZSTD_LEVEL = 12;

/** The formats by name. Their order is that in which the names are listed to a person. */
export const COMPRESSIONS: Record<CompressionName, CompressionFormat> = {
  // With the window of layers/compress.ts level 12 is 4 % smaller than 10 on the Node binary, in 3 s of one processor in place of 2.
  zstd: { magic: bytes("28b52ffd"), kernelSymbol: "CONFIG_RD_ZSTD", program: "zstd", formatArguments: [], package: "zstd", levels: { least: 1, most: 19, usual: DEFAULT_ZSTD_LEVEL } },
  gzip: { magic: bytes("1f8b"), kernelSymbol: "CONFIG_RD_GZIP", program: "gzip", formatArguments: [], package: "gzip", levels: { least: 1, most: 9, usual: 6 } },
  xz: { magic: bytes("fd377a585a00"), kernelSymbol: "CONFIG_RD_XZ", program: "xz", formatArguments: ["--format=xz"], package: "xz-utils", levels: { least: 0, most: 9, usual: 6 } },
  // The legacy frame is the only one that the kernel knows.
  lz4: { magic: bytes("02214c18"), kernelSymbol: "CONFIG_RD_LZ4", program: "lz4", formatArguments: ["-l"], package: "lz4", levels: { least: 1, most: 12, usual: 9 } },
  lzma: { magic: bytes("5d0000"), kernelSymbol: "CONFIG_RD_LZMA", program: "xz", formatArguments: ["--format=lzma"], package: "xz-utils", levels: { least: 0, most: 9, usual: 6 } },
  bzip2: { magic: bytes("425a68"), kernelSymbol: "CONFIG_RD_BZIP2", program: "bzip2", formatArguments: [], package: "bzip2", levels: { least: 1, most: 9, usual: 9 } },
  lzop: { magic: bytes("894c5a4f"), kernelSymbol: "CONFIG_RD_LZO", program: "lzop", formatArguments: [], package: "lzop", levels: { least: 1, most: 9, usual: 7 } },
};

function bytes(hex: string): Buffer {
  return Buffer.from(hex, "hex");
}

/** For these programs: without the variables in which they take more options (GZIP=, XZ_OPT=, LZOP=, ZSTD_CLEVEL=), and with messages that can be told apart. */
export function programEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR } = process.env;
  return { PATH, HOME, TMPDIR, LC_ALL: "C" };
}
