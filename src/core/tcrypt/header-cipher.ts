import { parseCipher } from "../dm/crypt-cipher.ts";
import { sectorCipher } from "../dm/sector-cipher.ts";
import { HEADER_BYTES, SALT_BYTES } from "../formats/truecrypt.ts";

/** A cipher that headers and volumes are encrypted with, as far as it can be computed here. */
export interface HeaderCipher {
  /** As TrueCrypt and VeraCrypt show it, in lower case. */
  name: string;
  /** As dm-crypt has it. */
  dm: string;
  /** Of the keys of a header, or what is derived for it, those of the cipher: of one in XTS mode both. */
  key(keys: Buffer): Buffer;
}

const XTS_KEY_BYTES = 64;
/** What is derived for a header with one cipher; a cascade needs more. */
export const HEADER_KEY_BYTES = 64;

const xts = (name: string): HeaderCipher => ({ name, dm: `${name}-xts-plain64`, key: (keys) => Buffer.from(keys.subarray(0, XTS_KEY_BYTES)) });

/** AES is what nearly every volume has. Of what TrueCrypt and VeraCrypt know, OpenSSL has no Serpent, Twofish and Kuznyechik. */
export const HEADER_CIPHERS: readonly HeaderCipher[] = [xts("aes"), xts("camellia")];

/** A header's 512 bytes, decrypted behind the salt as one data unit with the number 0; TrueCrypt 7.1a User's Guide, "Encryption Scheme". The caller wipes them. */
export function decryptHeader(raw: Buffer, derived: Buffer, cipher: HeaderCipher): Buffer {
  const plain = Buffer.from(raw);
  const key = cipher.key(derived);
  const unit = sectorCipher(parseCipher(cipher.dm), key, HEADER_BYTES - SALT_BYTES);
  try {
    unit.decrypt(plain.subarray(SALT_BYTES), 0, 1);
    return plain;
  } finally {
    unit.wipe();
    key.fill(0);
  }
}
