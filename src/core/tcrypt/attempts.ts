import { HASH_NAMES, KDFS, type TcryptHash, type TcryptType } from "../formats/truecrypt-kdf.ts";
import type { TcryptOptions } from "./options.ts";

/** One run of cryptsetup on one passphrase: which headers and key derivations it tries. */
export interface Attempt {
  /** For a person: `VeraCrypt, SHA-512, hidden volume`. */
  about: string;
  type: TcryptType;
  /** Undefined: all that the type has. */
  hash: TcryptHash | undefined;
  /** cryptsetup's flags that say so. */
  args: string[];
}

type Narrowing = Pick<TcryptOptions, "type" | "hash" | "cipher" | "hidden" | "backup" | "system">;

const TYPE_NAMES: Record<TcryptType, string> = { truecrypt: "TrueCrypt", veracrypt: "VeraCrypt" };
/** As cryptsetup names the hashes; the others have our names. */
const CRYPTSETUP_HASHES: Partial<Record<TcryptHash, string>> = { blake2s: "blake2s-256", streebog: "stribog512" };

/**
 * The runs of cryptsetup, cheapest first: all of TrueCrypt's derivations take a hundredth of one of VeraCrypt's, each of which
 * is a run of its own, so that a person sees how far the search is.
 */
export function planAttempts(options: Narrowing): Attempt[] {
  const headers = options.system !== false ? (["system"] as const) : options.hidden === "auto" ? (["outer", "hidden"] as const) : options.hidden === "yes" ? (["hidden"] as const) : (["outer"] as const);
  const kdfs = KDFS.filter(({ type, hash, legacy }) => (options.type ?? type) === type && (options.hash === undefined ? !legacy : options.hash === hash));
  const searches: { type: TcryptType; hash: TcryptHash | undefined }[] = [
    ...(kdfs.some(({ type }) => type === "truecrypt") ? [{ type: "truecrypt" as const, hash: options.hash }] : []),
    ...kdfs.filter(({ type }) => type === "veracrypt").map(({ type, hash }) => ({ type, hash })),
  ];
  return searches.flatMap(({ type, hash }) => headers.map((header) => ({
    about: [TYPE_NAMES[type], ...(hash === undefined ? [] : [HASH_NAMES[hash]]), ...(header === "outer" ? [] : [header === "hidden" ? "hidden volume" : "system encryption"])].join(", "),
    type,
    hash,
    args: [
      ...(type === "truecrypt" ? ["--disable-veracrypt"] : ["--veracrypt"]),
      ...(hash === undefined ? [] : ["--hash", CRYPTSETUP_HASHES[hash] ?? hash]),
      ...(options.cipher === undefined ? [] : ["--cipher", cryptsetupCipher(options.cipher)]),
      ...(header === "hidden" ? ["--tcrypt-hidden"] : header === "system" ? ["--tcrypt-system"] : []),
      ...(options.backup ? ["--tcrypt-backup"] : []),
    ],
  })));
}

/**
 * Those that tell whether the copies of the headers open, when the headers do not. None when that takes long: each of VeraCrypt's hashes
 * is as dear as the one that was tried.
 */
export function planCopyAttempts(options: Narrowing): Attempt[] {
  if (options.backup || options.system !== false) return [];
  return planAttempts({ ...options, backup: true })
    .filter(({ type }) => type === "truecrypt" || options.hash !== undefined)
    .map((attempt) => ({ ...attempt, about: `${attempt.about}, by the copy of its header` }));
}

/** cryptsetup names the ciphers of a cascade in the other order: that in which they encrypt. */
function cryptsetupCipher(cipher: string): string {
  return cipher.split("-").reverse().join("-");
}
