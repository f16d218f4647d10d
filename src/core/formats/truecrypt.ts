import { createCipheriv, createDecipheriv, pbkdf2Sync } from "node:crypto";
import { crc32 } from "../binary/checksums.ts";
import { SECTOR_BYTES } from "../binary/source.ts";
import { ascii, bytes, struct, toNumber, u16be, u32be, u64be } from "../binary/struct.ts";
import { hex32, MkinitrdError } from "../errors.ts";
import type { TcryptHash, TcryptType } from "./truecrypt-kdf.ts";

/**
 * TrueCrypt and VeraCrypt volume header, decrypted: the salt and what it is in front of. TrueCrypt 7.1a User's Guide and
 * VeraCrypt documentation, "Volume Format Specification". Big-endian. Every byte behind the salt is encrypted.
 */
const header = struct("TrueCrypt header", 512, {
  salt: bytes(0, 64),
  magic: ascii(64, 4), // "TRUE" or "VERA"
  version: u16be(68), // of the header's format
  programVersion: u16be(70), // the least that may open it
  keysCrc32: u32be(72), // of bytes 256 to 511
  hiddenVolumeBytes: u64be(92), // 0: not a hidden volume's header
  volumeBytes: u64be(100),
  keyScopeOffsetBytes: u64be(108), // where the payload begins
  keyScopeBytes: u64be(116), // of the payload
  flags: u32be(124),
  sectorBytes: u32be(128), // version 5 and above
  headerCrc32: u32be(252), // of bytes 64 to 251; version 4 and above
  keys: bytes(256, 256), // primary and secondary keys of each cipher
});

const MAGICS: Record<TcryptType, string> = { truecrypt: "TRUE", veracrypt: "VERA" };
const SYSTEM = 0x1;
const IN_PLACE = 0x2;
export const SALT_BYTES = 64;
const CRC_FROM_VERSION = 4;
const SECTOR_SIZE_FROM_VERSION = 5;

/** Where headers lie: bytes from the device's start, or before its end when negative. The same documents. */
export const HEADER_PLACES = {
  primary: 0,
  hidden: 64 * 1024,
  /** On the disk, in front of its first partition. */
  system: 62 * SECTOR_BYTES,
  backup: -128 * 1024,
  hiddenBackup: -64 * 1024,
  /** Of a hidden volume before TrueCrypt 6, which has no copies of headers. */
  hiddenOld: -1536,
} as const;
export type HeaderPlace = keyof typeof HEADER_PLACES;

/** Where a header lies on a device of so many bytes; undefined where there is no room for one. */
export function headerOffset(place: HeaderPlace, deviceBytes: number): number | undefined {
  const at = HEADER_PLACES[place] < 0 ? deviceBytes + HEADER_PLACES[place] : HEADER_PLACES[place];
  return at >= 0 && at + header.sizeBytes <= deviceBytes ? at : undefined;
}
export const HEADER_BYTES = 512;

/** Room for headers at each end of a volume; the payload lies between. */
export const HEADER_AREA_BYTES = 128 * 1024;

/** What a decrypted header says. The keys are a secret: `wipe` them. */
export interface TruecryptHeader {
  type: TcryptType;
  version: number;
  programVersion: number;
  /** Undefined for a volume that is not hidden. */
  hiddenVolumeBytes: number | undefined;
  volumeBytes: number;
  payloadOffsetBytes: number;
  payloadBytes: number;
  sectorBytes: number;
  system: boolean;
  inPlace: boolean;
  keys: Buffer;
}

/** How to derive the key that encrypts a header. */
export interface HeaderKey {
  passphrase: Buffer;
  hash: TcryptHash;
  iterations: number;
}

/**
 * A header's 512 bytes as they lie on the disk, decrypted with AES in XTS mode and decoded; undefined when what comes out is no
 * header: the passphrase, the hash or the cipher is another. Throws MkinitrdError for a header that is damaged.
 */
export function readTruecryptHeader(raw: Buffer, key: HeaderKey, device: { name: string; sizeBytes: number }): TruecryptHeader | undefined {
  const plain = Buffer.from(raw.subarray(0, header.sizeBytes));
  const secret = deriveKey(key, plain.subarray(0, SALT_BYTES));
  try {
    const decipher = createDecipheriv("aes-256-xts", secret, Buffer.alloc(16));
    decipher.update(plain.subarray(SALT_BYTES)).copy(plain, SALT_BYTES);
    return decodeTruecryptHeader(plain, device);
  } finally {
    secret.fill(0);
    plain.fill(0);
  }
}

/** A decrypted header of 512 bytes, undefined without its magic. Throws MkinitrdError when a checksum or a bound is wrong. */
export function decodeTruecryptHeader(plain: Buffer, device: { name: string; sizeBytes: number }): TruecryptHeader | undefined {
  const fields = header.decode(plain);
  const type = (Object.keys(MAGICS) as TcryptType[]).find((each) => MAGICS[each] === fields.magic);
  if (type === undefined) return undefined;
  const refuse = (found: string) => {
    fields.keys.fill(0);
    return new MkinitrdError({ tried: "reading the TrueCrypt header", on: device.name, found, next: "open the volume by the copy at its end: the option backup" });
  };
  const headerCrc = crc32(plain.subarray(SALT_BYTES, header.fields.headerCrc32.offset));
  if (fields.version >= CRC_FROM_VERSION && headerCrc !== fields.headerCrc32) throw refuse(`header CRC is ${hex32(headerCrc)}, the header says ${hex32(fields.headerCrc32)}`);
  const keysCrc = crc32(fields.keys);
  if (keysCrc !== fields.keysCrc32) throw refuse(`CRC of the keys is ${hex32(keysCrc)}, the header says ${hex32(fields.keysCrc32)}`);
  const hidden = toNumber(fields.hiddenVolumeBytes, "size of the hidden volume");
  const result: TruecryptHeader = {
    type,
    version: fields.version,
    programVersion: fields.programVersion,
    hiddenVolumeBytes: hidden === 0 ? undefined : hidden,
    volumeBytes: toNumber(fields.volumeBytes, "size of the volume"),
    payloadOffsetBytes: toNumber(fields.keyScopeOffsetBytes, "offset of the payload") || SECTOR_BYTES, // versions before 4 leave it out
    payloadBytes: toNumber(fields.keyScopeBytes, "size of the payload") || toNumber(fields.volumeBytes, "size of the volume"),
    sectorBytes: fields.version >= SECTOR_SIZE_FROM_VERSION ? fields.sectorBytes : SECTOR_BYTES,
    system: (fields.flags & SYSTEM) !== 0,
    inPlace: (fields.flags & IN_PLACE) !== 0,
    keys: fields.keys,
  };
  const problem = boundsProblem(result, device.sizeBytes);
  if (problem !== undefined) throw refuse(problem);
  return result;
}

/** A header's 512 bytes for the disk, encrypted with AES in XTS mode; `salt` has 64 bytes. */
export function encodeTruecryptHeader(value: TruecryptHeader, salt: Buffer, key: HeaderKey): Buffer {
  const plain = header.encode({
    salt,
    magic: MAGICS[value.type],
    version: value.version,
    programVersion: value.programVersion,
    keysCrc32: crc32(value.keys),
    hiddenVolumeBytes: BigInt(value.hiddenVolumeBytes ?? 0),
    volumeBytes: BigInt(value.volumeBytes),
    keyScopeOffsetBytes: BigInt(value.payloadOffsetBytes),
    keyScopeBytes: BigInt(value.payloadBytes),
    flags: (value.system ? SYSTEM : 0) | (value.inPlace ? IN_PLACE : 0),
    sectorBytes: value.sectorBytes,
    headerCrc32: 0,
    keys: value.keys,
  });
  plain.writeUInt32BE(crc32(plain.subarray(SALT_BYTES, header.fields.headerCrc32.offset)), header.fields.headerCrc32.offset);
  const secret = deriveKey(key, salt);
  try {
    const cipher = createCipheriv("aes-256-xts", secret, Buffer.alloc(16));
    return Buffer.concat([salt, cipher.update(plain.subarray(SALT_BYTES))]);
  } finally {
    secret.fill(0);
    plain.fill(0);
  }
}

function boundsProblem({ payloadOffsetBytes, payloadBytes, sectorBytes, system }: TruecryptHeader, deviceBytes: number): string | undefined {
  if (sectorBytes < SECTOR_BYTES || sectorBytes > 4096 || sectorBytes % SECTOR_BYTES !== 0) return `the sector size is ${sectorBytes} bytes; 512, 1024, 2048 or 4096`;
  if (payloadOffsetBytes % SECTOR_BYTES !== 0 || payloadBytes % SECTOR_BYTES !== 0) return `the payload of ${payloadBytes} bytes at byte ${payloadOffsetBytes} is not made of sectors`;
  if (!system && payloadOffsetBytes + payloadBytes > deviceBytes) return `the payload ends at byte ${payloadOffsetBytes + payloadBytes}, the device at byte ${deviceBytes}`;
  return undefined;
}

/** OpenSSL's names of the hashes; it has no Streebog, and Whirlpool where Node is built with it. */
export const DIGESTS: Partial<Record<TcryptHash, string>> = { ripemd160: "ripemd160", sha512: "sha512", sha1: "sha1", sha256: "sha256", blake2s: "blake2s256" };
export const AES_XTS_KEY_BYTES = 64;

function deriveKey({ passphrase, hash, iterations }: HeaderKey, salt: Buffer): Buffer {
  const digest = DIGESTS[hash];
  if (digest === undefined) throw new MkinitrdError({ tried: "deriving a header key", on: "a TrueCrypt header", found: `the hash ${hash}; known: ${Object.keys(DIGESTS).join(", ")}` });
  return pbkdf2Sync(passphrase, salt, iterations, AES_XTS_KEY_BYTES, digest);
}
