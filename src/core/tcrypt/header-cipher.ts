import { createDecipheriv } from "node:crypto";
import { parseCipher } from "../dm/crypt-cipher.ts";
import { sectorCipher } from "../dm/sector-cipher.ts";
import { removeWhitening } from "../dm/tcw.ts";
import { HEADER_BYTES, SALT_BYTES } from "../formats/truecrypt.ts";
import type { TcryptType } from "../formats/truecrypt-kdf.ts";

/** A cipher or cascade, and the mode, that headers and volumes are encrypted with, as far as it can be computed here. */
export interface HeaderCipher {
  /** As TrueCrypt and VeraCrypt show it, in lower case: of a cascade the last encrypts first. */
  name: string;
  /** From TrueCrypt 5 on `xts`; before 4.1 `cbc`. */
  mode: "xts" | "lrw" | "cbc";
  /** What is derived for a header. */
  keyBytes: number;
  /** What dm-crypt makes of it, first the one that lies on the disk. */
  layers: Layer[];
}

export interface Layer {
  /** As dm-crypt has it. */
  dm: string;
  /** Of the keys of a header, or what is derived for it, dm-crypt's key: of XTS both halves. */
  key(keys: Buffer): Buffer;
}

const KEY_BYTES = 32;
/** Of both; VeraCrypt's documentation, "Encryption Algorithms" and "Cascades of Ciphers". Kuznyechik is not here. */
const NAMES = ["aes", "serpent", "twofish", "aes-twofish", "aes-twofish-serpent", "serpent-aes", "serpent-twofish-aes", "twofish-serpent"];
const VERACRYPT_NAMES = ["camellia", "camellia-serpent"];
const XTS = NAMES.map(xts);
const CIPHERS: Record<TcryptType, readonly HeaderCipher[]> = {
  truecrypt: [...XTS, ...NAMES.map(lrw), { name: "aes", mode: "cbc", keyBytes: 2 * KEY_BYTES, layers: [{ dm: "aes-cbc-tcw", key: (keys) => Buffer.concat([keys.subarray(32, 64), keys.subarray(0, 32)]) }] }],
  veracrypt: [...XTS, ...VERACRYPT_NAMES.map(xts)],
};

/** Those that a type may have, all or those of one name. */
export function headerCiphers(type: TcryptType, wanted?: string): HeaderCipher[] {
  return CIPHERS[type].filter(({ name }) => wanted === undefined || name === wanted);
}

/** The names of all that can be computed here. */
export const CIPHER_NAMES: readonly string[] = CIPHERS.veracrypt.map(({ name }) => name);

/** The first keys of all ciphers, and then the second ones, each in the order in which they encrypt. */
function xts(name: string): HeaderCipher {
  const words = name.split("-");
  const layers = words.map((word, index): Layer => {
    const at = (words.length - 1 - index) * KEY_BYTES;
    const second = at + words.length * KEY_BYTES;
    return { dm: `${word}-xts-plain64`, key: (keys) => Buffer.concat([keys.subarray(at, at + KEY_BYTES), keys.subarray(second, second + KEY_BYTES)]) };
  });
  return { name, mode: "xts", keyBytes: 2 * KEY_BYTES * words.length, layers };
}

/** The second key, which is that of all, and behind its place the first ones; cryptsetup lib/tcrypt/tcrypt.c, TCRYPT_copy_key. */
function lrw(name: string): HeaderCipher {
  const words = name.split("-");
  const layers = words.map((word, index): Layer => {
    const at = (words.length - index) * KEY_BYTES;
    return { dm: `${word}-lrw-benbi`, key: (keys) => Buffer.concat([keys.subarray(at, at + KEY_BYTES), keys.subarray(0, 16)]) };
  });
  return { name, mode: "lrw", keyBytes: KEY_BYTES * (words.length + 1), layers };
}

/**
 * A header's 512 bytes, decrypted behind the salt as one data unit with the number 0; TrueCrypt 7.1a User's Guide, "Encryption Scheme". In
 * CBC the IV and the whitening are derived as they are. The caller wipes them.
 */
export function decryptHeader(raw: Buffer, derived: Buffer, cipher: HeaderCipher): Buffer {
  const plain = Buffer.from(raw);
  try {
    decryptBody(plain.subarray(SALT_BYTES), derived, cipher);
    return plain;
  } catch (error) {
    plain.fill(0);
    throw error;
  }
}

function decryptBody(body: Buffer, derived: Buffer, { layers, mode }: HeaderCipher): void {
  if (mode === "cbc") {
    removeWhitening(body, derived.subarray(8, 16));
    const plain = createDecipheriv("aes-256-cbc", derived.subarray(32, 64), derived.subarray(0, 16)).setAutoPadding(false).update(body);
    body.set(plain);
    plain.fill(0);
    return;
  }
  for (const { dm, key } of layers) {
    const own = key(derived);
    try {
      const unit = sectorCipher(parseCipher(dm), own, HEADER_BYTES - SALT_BYTES);
      try {
        unit.decrypt(body, 0, 1);
      } finally {
        unit.wipe();
      }
    } finally {
      own.fill(0);
    }
  }
}
