import { createDecipheriv } from "node:crypto";
import { parseCipher } from "../dm/crypt-cipher.ts";
import { sectorCipher } from "../dm/sector-cipher.ts";
import { removeWhitening } from "../dm/tcw.ts";
import { HEADER_BYTES, SALT_BYTES } from "../formats/truecrypt.ts";
import type { TcryptType } from "../formats/truecrypt-kdf.ts";

/** A cipher and mode that headers and volumes are encrypted with, as far as it can be computed here. */
export interface HeaderCipher {
  /** As TrueCrypt and VeraCrypt show it, in lower case. */
  name: string;
  /** As dm-crypt has it. */
  dm: string;
  /** From TrueCrypt 5 on `xts`; before 4.1 `cbc`. */
  mode: "xts" | "lrw" | "cbc";
  /** Of the keys of a header, or what is derived for it, dm-crypt's key: of XTS both halves. */
  key(keys: Buffer): Buffer;
}

/** What is derived for a header with one cipher; a cascade needs more. */
export const HEADER_KEY_BYTES = 64;

const xts = (name: string): HeaderCipher => ({ name, dm: `${name}-xts-plain64`, mode: "xts", key: (keys) => Buffer.from(keys.subarray(0, 64)) });
/** In the old modes the cipher's key comes second; cryptsetup lib/tcrypt/tcrypt.c, TCRYPT_copy_key. */
const LRW: HeaderCipher = { name: "aes", dm: "aes-lrw-benbi", mode: "lrw", key: (keys) => Buffer.concat([keys.subarray(32, 64), keys.subarray(0, 16)]) };
const CBC: HeaderCipher = { name: "aes", dm: "aes-cbc-tcw", mode: "cbc", key: (keys) => Buffer.concat([keys.subarray(32, 64), keys.subarray(0, 32)]) };

/** AES is what nearly every volume has. Of what TrueCrypt and VeraCrypt know, OpenSSL has no Serpent, Twofish and Kuznyechik. */
const XTS_CIPHERS: readonly HeaderCipher[] = [xts("aes"), xts("camellia")];
const CIPHERS: Record<TcryptType, readonly HeaderCipher[]> = { truecrypt: [...XTS_CIPHERS, LRW, CBC], veracrypt: XTS_CIPHERS };

/** Those that a type may have, all or those of one name. */
export function headerCiphers(type: TcryptType, wanted?: string): HeaderCipher[] {
  return CIPHERS[type].filter(({ name }) => wanted === undefined || name === wanted);
}

/** The names of all that can be computed here. */
export const CIPHER_NAMES: readonly string[] = XTS_CIPHERS.map(({ name }) => name);

/**
 * A header's 512 bytes, decrypted behind the salt as one data unit with the number 0; TrueCrypt 7.1a User's Guide, "Encryption Scheme". In
 * CBC the IV and the whitening are derived as they are. The caller wipes them.
 */
export function decryptHeader(raw: Buffer, derived: Buffer, cipher: HeaderCipher): Buffer {
  const plain = Buffer.from(raw);
  const body = plain.subarray(SALT_BYTES);
  if (cipher.mode === "cbc") {
    removeWhitening(body, derived.subarray(8, 16));
    body.set(createDecipheriv("aes-256-cbc", derived.subarray(32, 64), derived.subarray(0, 16)).setAutoPadding(false).update(body));
    return plain;
  }
  const key = cipher.key(derived);
  const unit = sectorCipher(parseCipher(cipher.dm), key, HEADER_BYTES - SALT_BYTES);
  try {
    unit.decrypt(body, 0, 1);
    return plain;
  } finally {
    unit.wipe();
    key.fill(0);
  }
}
