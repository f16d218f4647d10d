import { argon2, argon2Sync, timingSafeEqual } from "node:crypto";

/** Costs of a new hash: second of the recommendations of RFC 9106, section 4, with one lane: 64 MiB for as long as a boot can wait. */
const MEMORY_KIB = 64 * 1024;
const PASSES = 3;
const LANES = 1;
const HASH_BYTES = 32;
export const SALT_BYTES = 16;

interface Hash {
  memory: number;
  passes: number;
  parallelism: number;
  nonce: Buffer;
  hash: Buffer;
}

/** A password's argon2id hash, in the text form that the reference implementation prints: `$argon2id$v=19$m=…,t=…,p=…$SALT$HASH`. */
export function hashPassword(password: Buffer, salt: Buffer): string {
  const hash = argon2Sync("argon2id", { message: password, nonce: salt, memory: MEMORY_KIB, passes: PASSES, parallelism: LANES, tagLength: HASH_BYTES });
  return `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${toText(salt)}$${toText(hash)}`;
}

/** Whether the password is the one that was hashed. False for a hash that can't be read: nobody gets in by it. */
export async function checkPassword(password: Buffer, text: string): Promise<boolean> {
  const known = parseHash(text);
  if (known === undefined) return false;
  const { hash, ...costs } = known;
  const derived = await new Promise<Buffer>((resolve, reject) => {
    argon2("argon2id", { message: password, ...costs, tagLength: hash.length }, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
  try {
    return timingSafeEqual(derived, hash);
  } finally {
    derived.fill(0);
  }
}

/** Undefined when the text is no argon2id hash with costs that argon2 takes; RFC 9106, section 3.1. */
export function parseHash(text: string): Hash | undefined {
  const [, memory, passes, parallelism, salt = "", hash = ""] = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,4}),p=(\d{1,3})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/.exec(text) ?? [];
  const costs = { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism), nonce: Buffer.from(salt, "base64"), hash: Buffer.from(hash, "base64") };
  const inRange = costs.passes >= 1 && costs.parallelism >= 1 && costs.memory >= 8 * costs.parallelism && costs.nonce.length >= 8 && costs.hash.length >= 4;
  return inRange ? costs : undefined;
}

/** Base64 without padding, as the form wants it. */
const toText = (bytes: Buffer) => bytes.toString("base64").replaceAll("=", "");
