import type { Source } from "../binary/source.ts";
import { ascii, bytes, struct, toNumber, u16le, u32le, u64le, uuid } from "../binary/struct.ts";
import { MkinitrdError } from "../errors.ts";
import { isPowerOfTwo, readInside } from "./superblock.ts";

/** Superblock of a hash device. cryptsetup lib/verity/verity.c, struct verity_sb; its wiki, "DMVerity", "On-disk format". */
export const veritySuperblock = struct("dm-verity superblock", 512, {
  signature: ascii(0, 8), // "verity" and two zero bytes
  version: u32le(8), // 1
  hashType: u32le(12),
  uuid: uuid(16),
  algorithm: ascii(32, 32), // a name of the kernel's: sha256
  dataBlockBytes: u32le(64),
  hashBlockBytes: u32le(68),
  dataBlocks: u64le(72),
  saltBytes: u16le(80),
  salt: bytes(88, 256),
});

/** What a dm-verity superblock says. The root hash is not in it. */
export interface VerityHeader {
  uuid: string;
  /** 0: of Chromium OS, 1: salt first. */
  hashType: 0 | 1;
  /** A name of the kernel's: `sha256`. */
  algorithm: string;
  dataBlockBytes: number;
  hashBlockBytes: number;
  dataBlocks: number;
  salt: Buffer;
  /** Where the hash tree begins, from the start of the source: the hash block behind the superblock. */
  treeStartBytes: number;
}

const LARGEST_BLOCK = 512 * 1024;

/**
 * The superblock of a dm-verity hash device, at `offsetBytes` where data and hashes share one. Undefined without the
 * signature; throws when a field is none that the kernel takes. Reads 512 bytes.
 */
export async function probeVerity(source: Source, offsetBytes = 0): Promise<VerityHeader | undefined> {
  const raw = await readInside(source, offsetBytes, veritySuperblock.sizeBytes);
  if (raw === undefined || raw.toString("latin1", 0, 8) !== "verity\0\0") return undefined;
  const { algorithm, dataBlockBytes, dataBlocks, hashBlockBytes, hashType, salt, saltBytes, uuid, version } = veritySuperblock.decode(raw);
  const failure = (found: string) => new MkinitrdError({ tried: "reading the dm-verity superblock", on: `${source.name} at byte ${offsetBytes}`, found, next: "check that the hash device is whole: veritysetup dump" });
  if (version !== 1) throw failure(`its version is ${version}; known: 1`);
  if (hashType !== 0 && hashType !== 1) throw failure(`its hash type is ${hashType}; known: 0, 1`);
  for (const [of, size] of [["data", dataBlockBytes], ["hash", hashBlockBytes]] as const) {
    if (!isPowerOfTwo(size, 512, LARGEST_BLOCK)) throw failure(`a ${of} block has ${size} bytes`);
  }
  if (saltBytes > salt.length) throw failure(`its salt has ${saltBytes} bytes, and room for ${salt.length}`);
  if (!/^[a-z0-9][a-z0-9_()-]*$/i.test(algorithm)) throw failure("its hash algorithm has no name");
  return {
    uuid, hashType, algorithm, dataBlockBytes, hashBlockBytes,
    dataBlocks: toNumber(dataBlocks, `the data blocks of the dm-verity superblock on ${source.name}`),
    salt: salt.subarray(0, saltBytes),
    treeStartBytes: Math.ceil((offsetBytes + veritySuperblock.sizeBytes) / hashBlockBytes) * hashBlockBytes,
  };
}
