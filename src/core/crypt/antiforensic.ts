import { createHash } from "node:crypto";

/**
 * The key that the anti-forensic splitter had spread over stripes: each is as long as the key, and all of them are needed. LUKS
 * On-Disk Format Specification 1.2.3, section 2.4. The caller wipes both. Throws when node:crypto has no such hash.
 */
export function mergeStripes(split: Buffer, keyBytes: number, stripes: number, hash: string): Buffer {
  const key = Buffer.alloc(keyBytes);
  for (let stripe = 0; stripe < stripes; stripe++) {
    for (let index = 0; index < keyBytes; index++) key[index]! ^= split[stripe * keyBytes + index]!;
    if (stripe < stripes - 1) diffuse(key, hash);
  }
  return key;
}

/** Each piece as long as the hash becomes the hash of its number and itself; the last one may be shorter. */
function diffuse(key: Buffer, hash: string): void {
  const number = Buffer.alloc(4);
  for (let at = 0, piece = 0; at < key.length; piece++) {
    number.writeUInt32BE(piece);
    const digest = createHash(hash).update(number).update(key.subarray(at, at + digestBytes(hash))).digest();
    at += digest.copy(key, at);
    digest.fill(0);
  }
}

const lengths = new Map<string, number>();

function digestBytes(hash: string): number {
  const known = lengths.get(hash) ?? createHash(hash).digest().length;
  lengths.set(hash, known);
  return known;
}
