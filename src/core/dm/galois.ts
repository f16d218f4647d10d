/** Products in GF(2^8) with x^8+x^4+x^3+x^2+1, as in the Q of RAID6. H. P. Anvin, The mathematics of RAID-6. */
export interface Galois {
  /** 2 to that power; negative ones count down from 255. */
  power(exponent: number): number;
  inverse(value: number): number;
  /** `into` becomes the XOR of itself and `factor` times `from`. */
  addProduct(into: Buffer, from: Buffer, factor: number): void;
}

/** Makes the tables. */
export function galois(): Galois {
  const powers = new Uint8Array(255);
  const logarithms = new Uint8Array(256);
  for (let exponent = 0, value = 1; exponent < 255; exponent++) {
    powers[exponent] = value;
    logarithms[value] = exponent;
    value = (value << 1) ^ (value & 0x80 ? 0x11d : 0);
  }
  const power = (exponent: number): number => powers[((exponent % 255) + 255) % 255] ?? 0;
  return {
    power,
    inverse: (value) => power(-(logarithms[value] ?? 0)),
    addProduct(into, from, factor) {
      if (factor === 0) return;
      const shift = logarithms[factor] ?? 0;
      const products = Uint8Array.from({ length: 256 }, (_, value) => (value === 0 ? 0 : power((logarithms[value] ?? 0) + shift)));
      for (let at = 0; at < into.length; at++) into[at]! ^= products[from[at]!]!;
    },
  };
}
