import { createHash } from "node:crypto";
import { crc32c } from "../binary/checksums.ts";
import type { Source } from "../binary/source.ts";
import { bytes, struct, toNumber, u16le, u32le, u64le, uuid } from "../binary/struct.ts";
import type { Decoded } from "../binary/struct.ts";
import { hex32, MkinitrdError } from "../errors.ts";
import type { Content } from "./content.ts";
import { identity, labelText } from "./label.ts";

/** Superblock at byte 65536. Btrfs documentation, "On-disk format", superblock. */
const superblock = struct("btrfs superblock", 4096, {
  checksum: bytes(0, 32), // of the rest of the superblock
  fsid: uuid(32), // of the filesystem, the same on each of its devices
  byteNumber: u64le(48), // where this copy lies
  magic: bytes(64, 8), // "_BHRfS_M"
  deviceCount: u64le(136), // of the filesystem
  sectorSizeBytes: u32le(144),
  checksumType: u16le(196),
  deviceId: u64le(201), // of this device, from its dev_item, as the next two
  deviceBytes: u64le(209),
  deviceUuid: uuid(267),
  label: bytes(299, 256),
});

const SUPERBLOCK_BYTE = 65536;
const MAGIC = "_BHRfS_M";
const LARGEST_SECTOR = 65536;

const CHECKSUM_CRC32C = 0;
const CHECKSUM_SHA256 = 2;

/**
 * A device of a btrfs filesystem. Undefined without the magic; throws when the superblock's checksum is wrong. The
 * checksum types xxhash64 and BLAKE2b are not checked. Only the primary copy is read, as the kernel does at a mount.
 */
export async function probeBtrfs(source: Source): Promise<Content | undefined> {
  if (source.sizeBytes < SUPERBLOCK_BYTE + superblock.sizeBytes) return undefined;
  const raw = await source.read(SUPERBLOCK_BYTE, superblock.sizeBytes);
  const decoded = superblock.decode(raw);
  if (decoded.magic.toString("latin1") !== MAGIC) return undefined;
  checkChecksum(source, raw, decoded);
  checkSizes(source, decoded);
  return {
    type: "btrfs",
    ...identity(decoded.fsid, labelText(decoded.label)),
    blockSizeBytes: decoded.sectorSizeBytes,
    sizeBytes: toNumber(decoded.deviceBytes, `the size of the btrfs device ${source.name}`),
    member: {
      uuid: decoded.deviceUuid,
      id: toNumber(decoded.deviceId, `the ID of the btrfs device ${source.name}`),
      count: toNumber(decoded.deviceCount, `the number of devices of the btrfs on ${source.name}`),
    },
  };
}

function checkSizes(source: Source, { byteNumber, sectorSizeBytes }: Decoded<typeof superblock>): void {
  if (byteNumber !== BigInt(SUPERBLOCK_BYTE)) throw failure(source, `the superblock says that it lies at byte ${byteNumber}`);
  const isPowerOfTwo = (sectorSizeBytes & (sectorSizeBytes - 1)) === 0;
  if (sectorSizeBytes === 0 || sectorSizeBytes > LARGEST_SECTOR || !isPowerOfTwo) {
    throw failure(source, `the sector size is ${sectorSizeBytes} bytes`);
  }
}

function checkChecksum(source: Source, raw: Buffer, { checksum, checksumType }: Decoded<typeof superblock>): void {
  const covered = raw.subarray(superblock.fields.checksum.lengthBytes);
  if (checksumType === CHECKSUM_CRC32C) {
    const crc = crc32c(covered);
    const stored = checksum.readUInt32LE();
    if (crc !== stored) throw failure(source, `the superblock's CRC is ${hex32(crc)}, the superblock says ${hex32(stored)}`);
  }
  if (checksumType === CHECKSUM_SHA256 && !createHash("sha256").update(covered).digest().equals(checksum)) {
    throw failure(source, "the superblock's SHA-256 is not the one that it says");
  }
}

function failure(source: Source, found: string): MkinitrdError {
  return new MkinitrdError({
    tried: "reading the btrfs superblock",
    on: `${source.name} at byte ${SUPERBLOCK_BYTE}`,
    found,
    next: `check the other copies from a running system: btrfs rescue super-recover ${source.name}`,
  });
}
