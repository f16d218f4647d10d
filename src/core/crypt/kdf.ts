import { argon2, getHashes, pbkdf2 } from "node:crypto";
import { promisify } from "node:util";

/** How a passphrase becomes a key, and what it costs. */
export type Kdf =
  | { type: "pbkdf2"; hash: string; iterations: number; salt: Buffer }
  | { type: "argon2i" | "argon2id"; time: number; memoryKib: number; cpus: number; salt: Buffer };

/** The key of so many bytes that a passphrase gives. The caller wipes both. Rejects when node:crypto has no such hash. */
export async function deriveKey(kdf: Kdf, passphrase: Buffer, keyBytes: number): Promise<Buffer> {
  if (kdf.type === "pbkdf2") return promisify(pbkdf2)(passphrase, kdf.salt, kdf.iterations, keyBytes, kdf.hash);
  const { type, time, memoryKib, cpus, salt } = kdf;
  return promisify(argon2)(type, { message: passphrase, nonce: salt, parallelism: cpus, tagLength: keyBytes, memory: memoryKib, passes: time });
}

/** Whether node:crypto has a hash by the name that LUKS headers use. */
export function hasHash(name: string): boolean {
  return getHashes().includes(name) || getHashes().includes(name.toUpperCase());
}
