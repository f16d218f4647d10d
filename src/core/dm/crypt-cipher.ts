import { getHashes } from "node:crypto";
import { MkinitrdError } from "../errors.ts";
import { quote } from "../quote.ts";

/** What a cipher of dm-crypt is made of: `aes-cbc-essiv:sha256`. */
export interface CipherSpec {
  /** A block cipher with blocks of 16 bytes, by the name that OpenSSL has for it with `-KEYBITS-ecb` behind; serpent and twofish are our own. */
  cipher: "aes" | "aria" | "camellia" | "serpent" | "sm4" | "twofish" | "null";
  mode: "xts" | "cbc" | "ecb" | "lrw";
  /** `tcw` is TrueCrypt's, of cbc alone, and lrw has benbi alone. */
  iv: "plain" | "plain64" | "plain64be" | "benbi" | "null" | "essiv" | "eboiv" | "tcw";
  /** Of essiv. */
  hash?: string;
}

const CIPHERS = ["aes", "aria", "camellia", "serpent", "sm4", "twofish"] as const;
const MODES = ["xts", "cbc", "ecb"] as const;
const IVS = ["plain", "plain64", "plain64be", "benbi", "null", "eboiv"] as const;
const KNOWN = `known: ${CIPHERS.join(", ")} in ${MODES.join(", ")}, with the IV ${IVS.join(", ")} or essiv:HASH; lrw-benbi and cbc-tcw of TrueCrypt`;

/**
 * Reads a cipher as the table of dm-crypt has it, in the old form and that of the kernel's crypto API (`capi:xts(aes)-plain64`).
 * Linux drivers/md/dm-crypt.c, crypt_ctr_cipher_old and crypt_ctr_cipher_new. Throws for one that can't be computed here, and
 * names what it knows.
 */
export function parseCipher(text: string): CipherSpec {
  if (/^[0-9a-f]{16,}$/i.test(text)) throw failure("the cipher", "it is missing"); // what stands there is a key, maybe
  if (text === "cipher_null-ecb" || text === "cipher_null-ecb-null") return { cipher: "null", mode: "ecb", iv: "null" };
  const { cipher, hash, iv, mode } = text.startsWith("capi:") ? crypto(text.slice(5)) : dashed(text);
  const known = (list: readonly string[], word: string | undefined): boolean => word !== undefined && list.includes(word);
  if (known(CIPHERS, cipher) && ((mode === "lrw" && iv === "benbi") || (mode === "cbc" && iv === "tcw" && cipher === "aes"))) return { cipher, mode, iv } as CipherSpec;
  const found = !known(CIPHERS, cipher) ? `cipher ${quote(cipher)}` : !known(MODES, mode) ? `mode ${quote(mode)}`
    : mode === "ecb" || known(IVS, iv) || (iv === "essiv" && hash !== undefined) ? undefined : `IV ${quote(iv ?? "")}`;
  if (found !== undefined) throw failure(quote(text), `the ${found} can't be computed here; ${KNOWN}`);
  const name = hash?.replace(/^wp512$/, "whirlpool").replace(/^rmd160$/, "ripemd160");
  if (name !== undefined && !getHashes().includes(name)) throw failure(quote(text), `the hash ${quote(hash ?? "")} can't be computed here`);
  return { cipher, mode, iv: mode === "ecb" ? "null" : iv, ...(name === undefined ? {} : { hash: name }) } as CipherSpec;
}

interface Words {
  cipher: string;
  mode: string;
  iv?: string | undefined;
  hash?: string | undefined;
}

/** `CIPHER-MODE-IV:OPTION`; for the first users of dm-crypt, `CIPHER` and `CIPHER-plain` are cbc with the IV plain. */
function dashed(text: string): Words {
  const [cipher = "", second, ...rest] = text.split("-");
  if (second === undefined || (second === "plain" && rest.length === 0)) return { cipher, mode: "cbc", iv: "plain" };
  return { cipher, mode: second, ...ivWords(rest.join("-")) };
}

/** `xts(aes)`, `xts(ecb(aes-generic))`, `essiv(cbc(aes),sha256)`, each with `-IV:OPTION`. */
function crypto(text: string): Words {
  const [, essiv, mode, inner, hash, iv = ""] = /^(essiv\()?([a-z]+)\((?:ecb\()?([a-z0-9]+)(?:-[a-z0-9-]+)?\)*(?:,([a-z0-9-]+)\))?(?:-([a-z0-9:-]+))?$/.exec(text) ?? [];
  if (mode === undefined || inner === undefined) return { cipher: text, mode: "" };
  return essiv === undefined ? { cipher: inner, mode, ...ivWords(iv) } : { cipher: inner, mode, iv: "essiv", hash };
}

function ivWords(text: string): { iv: string; hash?: string } {
  const [iv = "", hash] = text.split(":");
  return { iv, ...(iv === "essiv" && hash !== undefined ? { hash } : {}) };
}

function failure(on: string, found: string): MkinitrdError {
  return new MkinitrdError({ tried: "opening a crypt target", on, found, next: "open it with cryptsetup, where the kernel knows it" });
}
