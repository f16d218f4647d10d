import { MkinitrdError } from "../errors.ts";
import type { BlockFunction } from "./software-cipher.ts";

/** Nibble tables of the permutations q0 and q1; Schneier and others, "Twofish: A 128-Bit Block Cipher" (1998), section 4.3.5. */
const NIBBLES = [
  ["817d6f320b59eca4", "ecb81235f4a6709d", "ba5e6d90c8f32471", "d7f4126e9b3085ca"],
  ["28bdf76e31940ac5", "1e2b4c376da5f908", "4c75169a0ed82b3f", "b951c3de647f208a"],
].map((tables) => tables.map((digits) => [...digits].map((digit) => Number.parseInt(digit, 16))));
const [Q0, Q1] = NIBBLES.map((tables) => Uint8Array.from({ length: 256 }, (_, x) => permute(tables, x))) as [Uint8Array, Uint8Array];
/** Which permutation each byte goes through before it is XORed with each word of the key, and at the end; section 4.3.2. */
const STEPS = [[Q0, Q0, Q1, Q1], [Q0, Q1, Q0, Q1], [Q1, Q1, Q0, Q0], [Q1, Q0, Q0, Q1]];
const LAST = [Q1, Q0, Q1, Q0];
const MDS = [[0x01, 0xef, 0x5b, 0x5b], [0x5b, 0xef, 0xef, 0x01], [0xef, 0x5b, 0x01, 0xef], [0xef, 0x01, 0xef, 0x5b]];
const RS = [
  [0x01, 0xa4, 0x55, 0x87, 0x5a, 0x58, 0xdb, 0x9e], [0xa4, 0x56, 0x82, 0xf3, 0x1e, 0xc6, 0x68, 0xe5],
  [0x02, 0xa1, 0xfc, 0xc1, 0x47, 0xae, 0x3d, 0x19], [0xa4, 0x55, 0x87, 0x5a, 0x58, 0xdb, 0x9e, 0x03],
];
const [MDS_POLYNOMIAL, RS_POLYNOMIAL] = [0x169, 0x14d];
const ROUNDS = 16;

/** Twofish with a key of 16, 24 or 32 bytes; the paper's section 4. */
export function twofish(key: Buffer, direction: "encrypt" | "decrypt"): BlockFunction {
  if (![16, 24, 32].includes(key.length)) throw new MkinitrdError({ tried: "opening a crypt target", on: "the cipher twofish", found: `a key of ${key.length} bytes does not fit` });
  const words = Array.from({ length: key.length / 4 }, (_, index) => key.readInt32LE(index * 4));
  const [even, odd] = [0, 1].map((half) => words.filter((_, index) => index % 2 === half)) as [number[], number[]];
  const boxKey = Array.from({ length: key.length / 8 }, (_, index) => reedSolomon(key.subarray(index * 8, index * 8 + 8))).reverse();
  const round = new Int32Array(2 * ROUNDS + 8);
  for (let i = 0; i < round.length; i += 2) {
    const [a, b] = [mix(i, even), rotate(mix(i + 1, odd), 8)];
    round[i] = a + b;
    round[i + 1] = rotate(a + 2 * b, 9);
  }
  const boxes = [0, 1, 2, 3].map((byte) => Int32Array.from({ length: 256 }, (_, x) => column(byte, substitute(byte, x, boxKey)))) as [Int32Array, Int32Array, Int32Array, Int32Array];
  for (const secret of [words, even, odd, boxKey]) secret.fill(0);
  const [s0, s1, s2, s3] = boxes;
  const g0 = (x: number): number => s0[x & 255]! ^ s1[(x >>> 8) & 255]! ^ s2[(x >>> 16) & 255]! ^ s3[x >>> 24]!;
  const g1 = (x: number): number => s1[x & 255]! ^ s2[(x >>> 8) & 255]! ^ s3[(x >>> 16) & 255]! ^ s0[x >>> 24]!; // of x, rotated by 8

  return {
    block: direction === "encrypt" ? encrypt : decrypt,
    wipe() {
      for (const secret of [round, ...boxes]) secret.fill(0);
    },
  };

  function encrypt(words: Int32Array, at: number): void {
    let [a, b, c, d] = [words[at]! ^ round[0]!, words[at + 1]! ^ round[1]!, words[at + 2]! ^ round[2]!, words[at + 3]! ^ round[3]!];
    for (let k = 8; k < round.length; k += 4) {
      let [t, u] = [g0(a), g1(b)];
      c ^= t + u + round[k]!;
      c = (c >>> 1) | (c << 31);
      d = ((d << 1) | (d >>> 31)) ^ (t + 2 * u + round[k + 1]!);
      [t, u] = [g0(c), g1(d)];
      a ^= t + u + round[k + 2]!;
      a = (a >>> 1) | (a << 31);
      b = ((b << 1) | (b >>> 31)) ^ (t + 2 * u + round[k + 3]!);
    }
    words[at] = c ^ round[4]!;
    words[at + 1] = d ^ round[5]!;
    words[at + 2] = a ^ round[6]!;
    words[at + 3] = b ^ round[7]!;
  }

  function decrypt(words: Int32Array, at: number): void {
    let [c, d, a, b] = [words[at]! ^ round[4]!, words[at + 1]! ^ round[5]!, words[at + 2]! ^ round[6]!, words[at + 3]! ^ round[7]!];
    for (let k = round.length - 4; k >= 8; k -= 4) {
      let [t, u] = [g0(c), g1(d)];
      a = ((a << 1) | (a >>> 31)) ^ (t + u + round[k + 2]!);
      b ^= t + 2 * u + round[k + 3]!;
      b = (b >>> 1) | (b << 31);
      [t, u] = [g0(a), g1(b)];
      c = ((c << 1) | (c >>> 31)) ^ (t + u + round[k]!);
      d ^= t + 2 * u + round[k + 1]!;
      d = (d >>> 1) | (d << 31);
    }
    words[at] = a ^ round[0]!;
    words[at + 1] = b ^ round[1]!;
    words[at + 2] = c ^ round[2]!;
    words[at + 3] = d ^ round[3]!;
  }
}

function permute([t0, t1, t2, t3]: number[][], x: number): number {
  const fold = (a: number, b: number): [number, number] => [a ^ b, (a ^ (b >> 1) ^ (b << 3) ^ (a << 3)) & 15];
  const [a1, b1] = fold(x >> 4, x & 15);
  const [a3, b3] = fold(t0![a1]!, t1![b1]!);
  return (t3![b3]! << 4) | t2![a3]!;
}

/** The function h of four equal bytes. */
function mix(x: number, keys: readonly number[]): number {
  return [0, 1, 2, 3].reduce((sum, byte) => sum ^ column(byte, substitute(byte, x, keys)), 0);
}

/** One byte through the permutations, XORed with its byte of each key between them. */
function substitute(byte: number, x: number, keys: readonly number[]): number {
  let y = x;
  for (let step = keys.length - 1; step >= 0; step--) y = STEPS[step]![byte]![y]! ^ ((keys[step]! >>> (8 * byte)) & 255);
  return LAST[byte]![y]!;
}

/** A byte's part of the product with the matrix. */
function column(byte: number, y: number): number {
  return MDS.reduce((word, row, index) => word | (multiply(row[byte]!, y, MDS_POLYNOMIAL) << (8 * index)), 0);
}

function reedSolomon(bytes: Buffer): number {
  return RS.reduce((word, row, index) => word | (row.reduce((sum, factor, i) => sum ^ multiply(factor, bytes[i]!, RS_POLYNOMIAL), 0) << (8 * index)), 0);
}

function multiply(a: number, b: number, polynomial: number): number {
  let product = 0;
  for (let [x, y] = [a, b]; y > 0; y >>= 1, x = x & 0x80 ? (x << 1) ^ polynomial : x << 1) if (y & 1) product ^= x;
  return product;
}

const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by));
