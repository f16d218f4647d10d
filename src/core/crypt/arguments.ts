import type { CryptOptions } from "./options.ts";

/** What is to be opened. */
export interface OpenTarget {
  /** The device with the payload. */
  path: string;
  /** The device-mapper name. */
  name: string;
  /** A detached header: file or device. */
  header?: string;
}

/**
 * The arguments of cryptsetup-open(8), which reads the key from its standard input, to its end. A plain volume's key file is
 * the key as it is; what a person types is hashed to one.
 */
export function openArguments(options: CryptOptions, { path, name, header }: OpenTarget, key: "file" | "typed"): string[] {
  const { plain, keyslot } = options;
  return [
    "open", "--type", options.type, "--key-file", "-",
    ...(options.discard ? ["--allow-discards"] : []),
    ...(options.readonly ? ["--readonly"] : []),
    ...options.performance,
    ...(keyslot === undefined ? [] : ["--key-slot", String(keyslot)]),
    ...(header === undefined ? [] : ["--header", header]),
    ...(plain === undefined ? [] : plainArguments(plain, key)),
    path, name,
  ];
}

function plainArguments(plain: NonNullable<CryptOptions["plain"]>, key: "file" | "typed"): string[] {
  return [
    "--cipher", plain.cipher,
    "--key-size", String(plain.keyBits),
    "--hash", key === "file" ? "plain" : plain.hash,
    ...(plain.offsetSectors === 0 ? [] : ["--offset", String(plain.offsetSectors)]),
    ...(plain.skipSectors === 0 ? [] : ["--skip", String(plain.skipSectors)]),
    ...(plain.sectorBytes === 512 ? [] : ["--sector-size", String(plain.sectorBytes)]),
  ];
}
