/** A block of a message, and what comes out. */
const BLOCK_BYTES = 64;
const ROUNDS = 10;
const POLYNOMIAL = 0x11d;
/** The first row of the circulant matrix. */
const FACTORS = [1, 1, 4, 1, 8, 5, 2, 9];
const [E, R] = ["1b9cd6f3e874a250", "7cbde49f638a2510"].map((digits) => [...digits].map((digit) => Number.parseInt(digit, 16))) as [number[], number[]];
const BOX = Uint8Array.from({ length: 256 }, (_, x) => {
  const [u, l] = [E[x >> 4]!, E.indexOf(x & 15)];
  const r = R[u ^ l]!;
  return (E[u ^ r]! << 4) | E.indexOf(l ^ r);
});
/** What a byte of each column gives, in two halves. */
const [HIGH, LOW] = [0, 4].map((half) => Array.from({ length: 8 }, (_, column) => Int32Array.from({ length: 256 }, (_, x) =>
  [0, 1, 2, 3].reduce((word, byte) => (word << 8) | multiply(BOX[x]!, FACTORS[(half + byte - column + 8) % 8]!), 0)))) as [Int32Array[], Int32Array[]];

/** Eight rows of 64 bits, each as two halves. */
type State = Int32Array;

/** Whirlpool of a message that is at hand. Rijmen and Barreto, "The Whirlpool Hashing Function" (2003); ISO/IEC 10118-3, dedicated hash-function 7. */
export function whirlpool(message: Buffer): Buffer {
  const state: State = new Int32Array(16);
  const rest = absorb(state, message);
  return finish(state, rest, message.length);
}

/** PBKDF2 with HMAC-Whirlpool, as RFC 8018 has it. The caller wipes what it gets. */
export function pbkdf2Whirlpool(passphrase: Buffer, salt: Buffer, iterations: number, keyBytes: number): Buffer {
  const key = Buffer.alloc(BLOCK_BYTES);
  const short = passphrase.length > BLOCK_BYTES ? whirlpool(passphrase) : passphrase;
  short.copy(key);
  if (short !== passphrase) short.fill(0);
  const [inner, outer] = [0x36, 0x5c].map((pad) => {
    const state: State = new Int32Array(16);
    const padded = Buffer.from(key.map((byte) => byte ^ pad));
    absorb(state, padded);
    padded.fill(0);
    return state;
  }) as [State, State];
  key.fill(0);
  const hmac = (message: Buffer): Buffer => {
    const half = (start: State, text: Buffer): Buffer => {
      const state = start.slice();
      const digest = finish(state, absorb(state, text), BLOCK_BYTES + text.length);
      state.fill(0);
      return digest;
    };
    const within = half(inner, message);
    const digest = half(outer, within);
    within.fill(0);
    return digest;
  };
  const blocks = Array.from({ length: Math.ceil(keyBytes / BLOCK_BYTES) }, (_, index) => {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(index + 1);
    let last = hmac(Buffer.concat([salt, number]));
    const sum = Buffer.from(last);
    for (let round = 1; round < iterations; round++) {
      const next = hmac(last);
      last.fill(0);
      last = next;
      for (let at = 0; at < BLOCK_BYTES; at++) sum[at]! ^= last[at]!;
    }
    last.fill(0);
    return sum;
  });
  for (const secret of [inner, outer]) secret.fill(0);
  const derived = Buffer.concat(blocks, keyBytes);
  for (const block of blocks) block.fill(0);
  return derived;
}

/** All whole blocks of a message; gives what is left. */
function absorb(state: State, message: Buffer): Buffer {
  let at = 0;
  for (; at + BLOCK_BYTES <= message.length; at += BLOCK_BYTES) compress(state, message, at);
  return message.subarray(at);
}

/** The padding: a bit, zeros, and the length in bits as a number of 32 bytes. */
function finish(state: State, rest: Buffer, lengthBytes: number): Buffer {
  const padded = Buffer.alloc(rest.length < BLOCK_BYTES / 2 ? BLOCK_BYTES : 2 * BLOCK_BYTES);
  rest.copy(padded);
  padded[rest.length] = 0x80;
  padded.writeBigUInt64BE(BigInt(lengthBytes) * 8n, padded.length - 8);
  absorb(state, padded);
  padded.fill(0);
  const digest = Buffer.alloc(BLOCK_BYTES);
  state.forEach((word, index) => digest.writeInt32BE(word, 4 * index));
  return digest;
}

/** Miyaguchi-Preneel over the cipher W, whose key is the state. */
function compress(state: State, message: Buffer, at: number): void {
  const block: State = new Int32Array(16);
  for (let word = 0; word < 16; word++) block[word] = message.readInt32BE(at + 4 * word);
  let key: State = state.slice();
  let text: State = block.map((word, index) => word ^ key[index]!);
  for (let round = 0; round < ROUNDS; round++) {
    key = turn(key);
    key[0]! ^= (BOX[8 * round]! << 24) | (BOX[8 * round + 1]! << 16) | (BOX[8 * round + 2]! << 8) | BOX[8 * round + 3]!;
    key[1]! ^= (BOX[8 * round + 4]! << 24) | (BOX[8 * round + 5]! << 16) | (BOX[8 * round + 6]! << 8) | BOX[8 * round + 7]!;
    text = turn(text);
    for (let word = 0; word < 16; word++) text[word]! ^= key[word]!;
  }
  for (let word = 0; word < 16; word++) state[word]! ^= text[word]! ^ block[word]!;
}

/** Substitution, the shift of the columns and the product with the matrix: a row is made of one byte of each row. */
function turn(from: State): State {
  const to: State = new Int32Array(16);
  for (let row = 0; row < 8; row++) {
    let [high, low] = [0, 0];
    for (let column = 0; column < 8; column++) {
      const source = 2 * ((row - column + 8) % 8) + (column >> 2);
      const byte = (from[source]! >>> (24 - 8 * (column & 3))) & 255;
      high ^= HIGH[column]![byte]!;
      low ^= LOW[column]![byte]!;
    }
    to[2 * row] = high;
    to[2 * row + 1] = low;
  }
  return to;
}

function multiply(a: number, b: number): number {
  let product = 0;
  for (let [x, y] = [a, b]; y > 0; y >>= 1, x = x & 0x80 ? (x << 1) ^ POLYNOMIAL : x << 1) if (y & 1) product ^= x;
  return product;
}
