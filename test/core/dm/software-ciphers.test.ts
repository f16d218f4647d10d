import { expect, test } from "vitest";
import { blockCipher } from "../../../src/core/dm/block-cipher.ts";

/** Twofish: the paper's appendix B, 256-bit keys also of "intermediate values"; Serpent: the NESSIE vectors, set 1. */
const VECTORS = [
  { cipher: "twofish", key: "00".repeat(32), plain: "00".repeat(16), secret: "57ff739d4dc92c1bd7fc01700cc8216f" },
  { cipher: "twofish", key: "0123456789abcdeffedcba987654321000112233445566778899aabbccddeeff", plain: "00".repeat(16), secret: "37527be0052334b89f0cfccae87cfa20" },
  { cipher: "twofish", key: "0123456789abcdeffedcba98765432100011223344556677", plain: "00".repeat(16), secret: "cfd1d2e5a9be9cdf501f13b892bd2248" },
  { cipher: "twofish", key: "00".repeat(16), plain: "00".repeat(16), secret: "9f589f5cf6122c32b6bfec2f2ae8c35a" },
  { cipher: "serpent", key: `80${"00".repeat(31)}`, plain: "00".repeat(16), secret: "a223aa1288463c0e2be38ebd825616c0" },
];

test.each(VECTORS)("$cipher with the key $key encrypts and decrypts as its authors' vector", ({ cipher, key, plain, secret }) => {
  for (const [direction, from, to] of [["encrypt", plain, secret], ["decrypt", secret, plain]] as const) {
    const both = Buffer.from(from + from, "hex");
    blockCipher(cipher, Buffer.from(key, "hex"), direction).into(both, both);
    expect(both.toString("hex")).toBe(to + to);
  }
});

test.each(["serpent", "twofish"])("%s forgets its key, and takes none of another length", (cipher) => {
  const key = Buffer.alloc(32, 1);
  const [kept, wiped] = [blockCipher(cipher, key, "encrypt"), blockCipher(cipher, key, "encrypt")];
  wiped.wipe();
  const [a, b] = [Buffer.alloc(16), Buffer.alloc(16)];
  kept.into(a, a);
  wiped.into(b, b);
  expect(a.equals(b)).toBe(false);
  expect(() => blockCipher(cipher, Buffer.alloc(20), "encrypt")).toThrow(/a key of 20 bytes does not fit/);
});
