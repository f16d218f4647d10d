import type { BlockCipher } from "./block-cipher.ts";

/** A block cipher with blocks of four words of 32 bits, in place. */
export interface BlockFunction {
  block(words: Int32Array, at: number): void;
  wipe(): void;
}

/** One that OpenSSL has not, over whole blocks whose words lie with the lowest byte first. */
export function softwareCipher({ block, wipe }: BlockFunction): BlockCipher {
  return {
    into(into, from) {
      const words = new Int32Array(from.length / 4);
      const bytes = Buffer.from(words.buffer);
      from.copy(bytes);
      for (let at = 0; at < words.length; at += 4) block(words, at);
      into.set(bytes);
      words.fill(0);
    },
    wipe,
  };
}
