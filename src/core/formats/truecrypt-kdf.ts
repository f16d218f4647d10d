/** How a TrueCrypt or VeraCrypt header key is derived: PBKDF2 with this hash. */
export interface Kdf {
  type: TcryptType;
  hash: TcryptHash;
  /** Of a volume's header without a PIM. */
  iterations: number;
  /** Of the header of system encryption; absent where there is none. */
  systemIterations?: number;
  /** Containers older than TrueCrypt 5 alone. */
  legacy?: true;
}

export type TcryptType = "truecrypt" | "veracrypt";
export type TcryptHash = "ripemd160" | "sha512" | "whirlpool" | "sha1" | "sha256" | "blake2s" | "streebog";

/**
 * TrueCrypt 7.1a User's Guide, "Header Key Derivation, Salt, and Iteration Count", and the page of that name in VeraCrypt's
 * documentation; the order is that of how common they are. VeraCrypt's RIPEMD-160 is of versions before 1.26.
 */
export const KDFS: readonly Kdf[] = [
  { type: "truecrypt", hash: "ripemd160", iterations: 2000, systemIterations: 1000 },
  { type: "truecrypt", hash: "sha512", iterations: 1000, systemIterations: 1000 },
  { type: "truecrypt", hash: "whirlpool", iterations: 1000, systemIterations: 1000 },
  { type: "truecrypt", hash: "sha1", iterations: 2000, legacy: true },
  { type: "veracrypt", hash: "sha512", iterations: 500_000 },
  { type: "veracrypt", hash: "sha256", iterations: 500_000, systemIterations: 200_000 },
  { type: "veracrypt", hash: "blake2s", iterations: 500_000, systemIterations: 200_000 },
  { type: "veracrypt", hash: "whirlpool", iterations: 500_000 },
  { type: "veracrypt", hash: "ripemd160", iterations: 655_331, systemIterations: 327_661 },
  { type: "veracrypt", hash: "streebog", iterations: 500_000 },
];

/** As people write them. */
export const HASH_NAMES: Record<TcryptHash, string> = {
  ripemd160: "RIPEMD-160", sha512: "SHA-512", whirlpool: "Whirlpool", sha1: "SHA-1", sha256: "SHA-256", blake2s: "BLAKE2s", streebog: "Streebog",
};

/** The largest PIM that VeraCrypt takes: its iterations stay below 2^31. */
export const MAX_PIM = 2_147_468;

/**
 * Iterations of a VeraCrypt header key with a PIM; VeraCrypt documentation, "PIM". For volumes, and for system encryption with
 * SHA-512 or Whirlpool, 15000 + 1000 × PIM; for system encryption with the other hashes 2048 × PIM.
 */
export function pimIterations(pim: number, { systemIterations }: Kdf, system: boolean): number {
  return system && systemIterations !== undefined ? 2048 * pim : 15_000 + 1000 * pim;
}

/**
 * Ciphers and cascades as TrueCrypt and VeraCrypt name them (their documentation, "Cascades of Ciphers"): the last of a name
 * encrypts first. The first eight are of both, the next seven VeraCrypt's; the rest are of old containers.
 */
export const CIPHERS: readonly string[] = [
  "aes", "serpent", "twofish", "aes-twofish", "aes-twofish-serpent", "serpent-aes", "serpent-twofish-aes", "twofish-serpent",
  "camellia", "kuznyechik", "camellia-kuznyechik", "kuznyechik-twofish", "camellia-serpent", "kuznyechik-aes", "kuznyechik-serpent-camellia",
  "cast5", "des3_ede",
];
