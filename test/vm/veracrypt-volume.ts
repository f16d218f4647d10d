import { createCipheriv, createDecipheriv, createHash, pbkdf2Sync } from "node:crypto";
import { encodeTruecryptHeader, HEADER_AREA_BYTES, HEADER_PLACES } from "../../src/core/formats/truecrypt.ts";

const SECTOR_BYTES = 512;
const SALT_BYTES = 64;
const BLOCK_BYTES = 16;
/** x^128 + x^7 + x^2 + x + 1, whose terms below x^128 are these bits; IEEE 1619-2018, section 5.2. */
const POLYNOMIAL = 0x87;

/** What a volume is to be; SHA-512 derives its header key. */
export interface VolumeWish {
  cipher: "aes" | "camellia";
  passphrase: string;
  pim: number;
  sizeBytes: number;
  /** Bytes of a hidden volume: it is the only one that has a header, as one inside of an outer volume whose passphrase nobody tells. */
  hiddenBytes?: number;
}

/** A VeraCrypt volume: its bytes, and the SHA-256 of what is in it. OpenSSL encrypts, block by block. */
export function veracryptVolume({ cipher, passphrase, pim, sizeBytes, hiddenBytes }: VolumeWish): { image: Buffer; sha256: string } {
  const payload = Buffer.alloc(hiddenBytes ?? sizeBytes - 2 * HEADER_AREA_BYTES, `what ${cipher} hides; `);
  const payloadOffsetBytes = hiddenBytes === undefined ? HEADER_AREA_BYTES : sizeBytes - HEADER_AREA_BYTES - hiddenBytes;
  const headerAt = hiddenBytes === undefined ? HEADER_PLACES.primary : HEADER_PLACES.hidden;
  const keys = Buffer.concat([createHash("sha512").update("keys").digest(), Buffer.alloc(256 - 64)]);
  const salt = createHash("sha512").update("salt").digest();
  const iterations = 15_000 + 1000 * pim;
  const header = encodeTruecryptHeader({
    type: "veracrypt", version: 5, programVersion: 0x010b, hiddenVolumeBytes: hiddenBytes, volumeBytes: payload.length,
    payloadOffsetBytes, payloadBytes: payload.length, sectorBytes: SECTOR_BYTES, system: false, inPlace: false, keys,
  }, salt, { passphrase: Buffer.from(passphrase), hash: "sha512", iterations });
  // The encoder knows AES alone: its header is decrypted again.
  const headerKey = pbkdf2Sync(passphrase, salt, iterations, 64, "sha512");
  const plain = createDecipheriv("aes-256-xts", headerKey, Buffer.alloc(BLOCK_BYTES)).update(header.subarray(SALT_BYTES));
  const image = Buffer.alloc(sizeBytes);
  salt.copy(image, headerAt);
  encryptUnit(cipher, plain, headerKey, 0).copy(image, headerAt + SALT_BYTES);
  for (let at = 0; at < payload.length; at += SECTOR_BYTES) {
    const place = payloadOffsetBytes + at;
    encryptUnit(cipher, payload.subarray(at, at + SECTOR_BYTES), keys.subarray(0, 64), place / SECTOR_BYTES).copy(image, place);
  }
  return { image, sha256: createHash("sha256").update(payload).digest("hex") };
}

/** XTS of one data unit; IEEE 1619-2018, section 5.3.2. */
function encryptUnit(cipher: VolumeWish["cipher"], plain: Buffer, key: Buffer, unit: number): Buffer {
  const number = Buffer.alloc(BLOCK_BYTES);
  number.writeUInt32LE(unit);
  const tweaks = Buffer.alloc(plain.length);
  for (let at = 0, tweak = ecb(cipher, number, key.subarray(32)); at < plain.length; at += BLOCK_BYTES, tweak = double(tweak)) tweak.copy(tweaks, at);
  return xor(ecb(cipher, xor(plain, tweaks), key.subarray(0, 32)), tweaks);
}

function double(tweak: Buffer): Buffer {
  const doubled = Buffer.from(tweak.map((byte, i) => (byte << 1) | ((tweak[i - 1] ?? 0) >> 7)));
  if ((tweak[BLOCK_BYTES - 1]! & 0x80) !== 0) doubled[0]! ^= POLYNOMIAL;
  return doubled;
}

const ecb = (cipher: string, bytes: Buffer, key: Buffer): Buffer => createCipheriv(`${cipher}-256-ecb`, key, null).setAutoPadding(false).update(bytes);
const xor = (a: Buffer, b: Buffer): Buffer => Buffer.from(a.map((byte, i) => byte ^ b[i]!));
