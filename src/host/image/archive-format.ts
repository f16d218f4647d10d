import { bzip2StreamEnd } from "../../core/formats/bzip2-stream.ts";
import { lz4LegacyEnd } from "../../core/formats/lz4-legacy.ts";
import { lzopFileEnd } from "../../core/formats/lzop-file.ts";
import { xzStreamEnd } from "../../core/formats/xz-stream.ts";
import { zstdFrameEnd } from "../../core/formats/zstd-frame.ts";
import { COMPRESSION_NAMES, COMPRESSIONS, type CompressionName } from "../compressions.ts";

/** Where an archive ends, by walking its format; gzip and lzma tell while they are unpacked. */
export const ARCHIVE_ENDS: Partial<Record<CompressionName, (bytes: Buffer, offsetBytes: number, name: string) => number>> = {
  zstd: zstdFrameEnd,
  xz: xzStreamEnd,
  lz4: lz4LegacyEnd,
  bzip2: bzip2StreamEnd,
  lzop: lzopFileEnd,
};

/** The compression of the archive that begins here, as the kernel recognises it (lib/decompress.c); undefined for none of its formats. */
export function compressionAt(bytes: Buffer, offsetBytes: number): CompressionName | undefined {
  return COMPRESSION_NAMES.find((name) => {
    const { magic } = COMPRESSIONS[name];
    return bytes.subarray(offsetBytes, offsetBytes + magic.length).equals(magic);
  });
}

/** Archives that begin like this and that no kernel unpacks, and what they are. */
const REFUSED: [magic: Buffer, what: string][] = [
  [Buffer.from("070707"), "an archive of cpio's old portable format (odc)"],
  [Buffer.from([0xc7, 0x71]), "an archive of cpio's old binary format"],
  [Buffer.from([0x71, 0xc7]), "an archive of cpio's old binary format, of the other byte order"],
  [Buffer.from([0x04, 0x22, 0x4d, 0x18]), "an LZ4 frame of the new kind; the kernel reads the legacy one alone (lz4 -l)"],
];

/** What bytes are that are no archive of the kernel's: a format by name, or the first of them. */
export function describeForeign(bytes: Buffer, offsetBytes: number): string {
  const known = REFUSED.find(([magic]) => bytes.subarray(offsetBytes, offsetBytes + magic.length).equals(magic));
  return known?.[1] ?? `0x${bytes.toString("hex", offsetBytes, offsetBytes + 8)}, which begins no archive that the kernel knows`;
}
