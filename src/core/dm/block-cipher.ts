import { createCipheriv, createDecipheriv } from "node:crypto";
import { explain, MkinitrdError } from "../errors.ts";
import { serpent } from "./serpent.ts";
import { softwareCipher } from "./software-cipher.ts";
import { twofish } from "./twofish.ts";

/** A block cipher over whole blocks, each by itself. */
export interface BlockCipher {
  /** The blocks of `from`, encrypted or decrypted, to the start of `into`; the two may be the same. */
  into(into: Buffer, from: Buffer): void;
  /** Lets OpenSSL forget the key; it clears what it gives back. */
  wipe(): void;
}

/** One that has its key set once: most of the time of a short call to OpenSSL is spent on that. */
export function blockCipher(cipher: string, key: Buffer, direction: "encrypt" | "decrypt"): BlockCipher {
  if (cipher === "serpent") return softwareCipher(serpent(key, direction));
  if (cipher === "twofish") return softwareCipher(twofish(key, direction));
  const name = cipher === "sm4" ? "sm4-ecb" : `${cipher}-${key.length * 8}-ecb`;
  try {
    const context = (direction === "encrypt" ? createCipheriv : createDecipheriv)(name, key, null).setAutoPadding(false);
    return {
      into: (into, from) => into.set(context.update(from)),
      wipe: () => void context.final(),
    };
  } catch (cause) {
    const found = cause instanceof RangeError || /invalid|unknown/i.test(explain(cause)) ? `a key of ${key.length} bytes does not fit` : explain(cause);
    throw new MkinitrdError({ tried: "opening a crypt target", on: `the cipher ${cipher}`, found });
  }
}
