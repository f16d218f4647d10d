import { MkinitrdError } from "../errors.ts";
import type { BlockFunction } from "./software-cipher.ts";

/** Anderson, Biham, Knudsen, "Serpent: A Proposal for the Advanced Encryption Standard" (1998), appendix A.5. */
const BOXES = ["38f1a65bed42709c", "fc27905a1be86d34", "86793cafd1e40b52", "0fb8c963d124a75e", "1f83c0b6254a9e7d", "f52b4a9c03e8d671", "72c5846be91fd3a0", "1df0e82b74ca9356"]
  .map((digits) => [...digits].map((digit) => Number.parseInt(digit, 16)));
const ROUNDS = 32;
const GOLDEN_RATIO = 0x9e3779b9;

/** The box as sums of products of its input bits, for each output bit how many and which: so 32 inputs go through it at once, each a bit of four words. */
const [FORWARD, BACKWARD] = [BOXES.map(sumsOf), BOXES.map((box) => sumsOf(box.map((_, value) => box.indexOf(value))))] as [Uint8Array[], Uint8Array[]];

/** Serpent with a key of 16, 24 or 32 bytes; the paper's section 3. */
export function serpent(key: Buffer, direction: "encrypt" | "decrypt"): BlockFunction {
  if (![16, 24, 32].includes(key.length)) throw new MkinitrdError({ tried: "opening a crypt target", on: "the cipher serpent", found: `a key of ${key.length} bytes does not fit` });
  const products = new Int32Array(16);
  const round = expand(key, products);
  return {
    block: direction === "encrypt" ? encrypt : decrypt,
    wipe() {
      round.fill(0);
      products.fill(0);
    },
  };

  function encrypt(words: Int32Array, at: number): void {
    for (let i = 0; i < ROUNDS; i++) {
      addKey(words, at, i);
      substitute(words, at, FORWARD[i % 8]!, products);
      if (i < ROUNDS - 1) transform(words, at);
    }
    addKey(words, at, ROUNDS);
  }

  function decrypt(words: Int32Array, at: number): void {
    addKey(words, at, ROUNDS);
    for (let i = ROUNDS - 1; i >= 0; i--) {
      if (i < ROUNDS - 1) transformBack(words, at);
      substitute(words, at, BACKWARD[i % 8]!, products);
      addKey(words, at, i);
    }
  }

  function addKey(words: Int32Array, at: number, i: number): void {
    for (let word = 0; word < 4; word++) words[at + word]! ^= round[4 * i + word]!;
  }
}

function expand(key: Buffer, products: Int32Array): Int32Array {
  const padded = Buffer.alloc(32);
  key.copy(padded);
  if (key.length < 32) padded[key.length] = 1;
  const words = new Int32Array(8 + 4 * (ROUNDS + 1));
  for (let i = 0; i < 8; i++) words[i] = padded.readInt32LE(4 * i);
  padded.fill(0);
  for (let i = 8; i < words.length; i++) words[i] = rotate(words[i - 8]! ^ words[i - 5]! ^ words[i - 3]! ^ words[i - 1]! ^ GOLDEN_RATIO ^ (i - 8), 11);
  const round = words.subarray(8);
  for (let i = 0; i <= ROUNDS; i++) substitute(round, 4 * i, FORWARD[(ROUNDS + 3 - i) % 8]!, products);
  return round;
}

/** Each product of input bits once, then the sums. */
function substitute(words: Int32Array, at: number, sums: Uint8Array, p: Int32Array): void {
  const [a, b, c, d] = [words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!];
  const [ab, cd] = [a & b, c & d];
  p[0] = -1; p[1] = a; p[2] = b; p[3] = ab; p[4] = c; p[5] = a & c; p[6] = b & c; p[7] = ab & c;
  p[8] = d; p[9] = a & d; p[10] = b & d; p[11] = ab & d; p[12] = cd; p[13] = a & cd; p[14] = b & cd; p[15] = ab & cd;
  for (let bit = 0, next = 0; bit < 4; bit++) {
    let sum = 0;
    for (const end = next + 1 + sums[next++]!; next < end;) sum ^= p[sums[next++]!]!;
    words[at + bit] = sum;
  }
}

/** The algebraic normal form of the four output bits, by the Möbius transform of each. */
function sumsOf(box: readonly number[]): Uint8Array {
  return Uint8Array.from([0, 1, 2, 3].flatMap((bit) => {
    const form = box.map((value) => (value >> bit) & 1);
    for (let step = 1; step < 16; step *= 2) for (let x = 0; x < 16; x++) if (x & step) form[x]! ^= form[x ^ step]!;
    const terms = form.flatMap((isThere, term) => (isThere ? [term] : []));
    return [terms.length, ...terms];
  }));
}

function transform(words: Int32Array, at: number): void {
  let [a, b, c, d] = [rotate(words[at]!, 13), words[at + 1]!, rotate(words[at + 2]!, 3), words[at + 3]!];
  b = rotate(b ^ a ^ c, 1);
  d = rotate(d ^ c ^ (a << 3), 7);
  a = rotate(a ^ b ^ d, 5);
  c = rotate(c ^ d ^ (b << 7), 22);
  words[at] = a; words[at + 1] = b; words[at + 2] = c; words[at + 3] = d;
}

function transformBack(words: Int32Array, at: number): void {
  let [a, b, c, d] = [words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!];
  c = rotate(c, 10) ^ d ^ (b << 7);
  a = rotate(a, 27) ^ b ^ d;
  d = rotate(d, 25) ^ c ^ (a << 3);
  b = rotate(b, 31) ^ a ^ c;
  words[at] = rotate(a, 19); words[at + 1] = b; words[at + 2] = rotate(c, 29); words[at + 3] = d;
}

const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by));
