/**
 * What of XTS is no block cipher: loops over 16 bytes at a time (WebAssembly core specification 2.0, vector instructions).
 * Addresses are bytes of `memory`.
 */
export interface XorLoops {
  memory: Buffer;
  /** So many bytes at `into` become the XOR of themselves and those at `from`; a multiple of 16. */
  xor(into: number, from: number, lengthBytes: number): void;
  /**
   * Writes so many tweaks to `into`: the one at `first`, then each the one before it times alpha in GF(2^128), least
   * significant byte first. IEEE 1619-2007, 5.2. The 16 bytes that lie DISTANCE_BYTES behind each become the XOR of both.
   */
  tweaks(into: number, first: number, count: number): void;
}

/** Of the WebAssembly API, what is used here; the types of Node leave it out. */
declare const WebAssembly: {
  Memory: new (limits: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

/** From a tweak to the data that it is for. */
export const DISTANCE_BYTES = 64 * 1024;

/** The loops with a memory of their own, of so many pages of 64 KiB, all zeros. */
export function xorLoops(pages: number): XorLoops {
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const module = new WebAssembly.Module(Uint8Array.from(MODULE));
  const { exports } = new WebAssembly.Instance(module, { m: { m: memory } });
  const { x: xor, t: tweaks } = exports as { x: XorLoops["xor"]; t: XorLoops["tweaks"] };
  return { memory: Buffer.from(memory.buffer), xor, tweaks };
}

const END = 0x0b;
const I32 = 0x7f;
const V128 = 0x7b;
const LOAD = [0xfd, 0x00, 0x00, 0x00]; // v128.load
const STORE = [0xfd, 0x0b, 0x00, 0x00]; // v128.store
const DISTANCE = [0x80, 0x80, 0x04]; // DISTANCE_BYTES in LEB128
const LOAD_BEHIND = [0xfd, 0x00, 0x00, ...DISTANCE];
const STORE_BEHIND = [0xfd, 0x0b, 0x00, ...DISTANCE];
const SHIFT_LEFT = [0xfd, 0xcb, 0x01]; // i64x2.shl
const SHIFT_SIGNED = [0xfd, 0xcc, 0x01]; // i64x2.shr_s: all ones where the highest bit was set
const AND = [0xfd, 0x4e]; // v128.and
const XOR = [0xfd, 0x51]; // v128.xor
const SWAP_HALVES = [0xfd, 0x0d, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7]; // i8x16.shuffle
/** v128.const: what a bit that leaves the upper half brings into the lower one, and one of the lower into the upper. */
const CARRIES = [0xfd, 0x0c, 0x87, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];

// The parameters of both functions, then two variables.
const [INTO, FROM, LEFT, TWEAK, CARRY] = [0, 1, 2, 3, 4] as const;

const XOR_CODE = whileLeft(16, [
  ...get(INTO), ...get(INTO), ...LOAD, ...get(FROM), ...LOAD, ...XOR, ...STORE,
  ...add(INTO, 16), ...add(FROM, 16),
]);

const TWEAKS_CODE = [
  ...get(FROM), ...LOAD, ...set(TWEAK),
  ...whileLeft(1, [
    ...get(INTO), ...get(TWEAK), ...STORE,
    ...get(INTO), ...get(INTO), ...LOAD_BEHIND, ...get(TWEAK), ...XOR, ...STORE_BEHIND,
    ...get(TWEAK), ...number(63), ...SHIFT_SIGNED, ...set(CARRY),
    ...get(TWEAK), ...number(1), ...SHIFT_LEFT,
    ...get(CARRY), ...get(CARRY), ...SWAP_HALVES, ...CARRIES, ...AND,
    ...XOR, ...set(TWEAK),
    ...add(INTO, 16),
  ]),
];

const MODULE = [
  0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
  ...section(1, [1, 0x60, 3, I32, I32, I32, 0]), // one type: three numbers, no result
  ...section(2, [1, ...name("m"), ...name("m"), 0x02, 0x00, 1]), // the memory, of at least one page
  ...section(3, [2, 0, 0]), // two functions of that type
  ...section(7, [2, ...name("x"), 0x00, 0, ...name("t"), 0x00, 1]),
  ...section(10, [2, ...body(XOR_CODE), ...body(TWEAKS_CODE)]),
];

/** Repeats the code and takes `step` from LEFT, until less than that is left. */
function whileLeft(step: number, code: number[]): number[] {
  const leave = [...get(LEFT), ...number(step), 0x49, 0x0d, 1]; // i32.lt_u, br_if
  return [0x02, 0x40, 0x03, 0x40, ...leave, ...code, ...add(LEFT, -step), 0x0c, 0, END, END]; // block, loop, …, br
}

function get(variable: number): number[] {
  return [0x20, variable];
}

function set(variable: number): number[] {
  return [0x21, variable];
}

function add(variable: number, value: number): number[] {
  return [...get(variable), ...number(value), 0x6a, ...set(variable)];
}

/** i32.const; one byte of LEB128 holds -64 to 63. */
function number(value: number): number[] {
  return [0x41, value & 0x7f];
}

function section(id: number, bytes: number[]): number[] {
  return [id, ...size(bytes.length), ...bytes];
}

function body(code: number[]): number[] {
  const bytes = [1, 2, V128, ...code, END];
  return [...size(bytes.length), ...bytes];
}

function name(text: string): number[] {
  return [text.length, ...Buffer.from(text)];
}

/** LEB128 of at most 14 bits. */
function size(value: number): number[] {
  return value < 128 ? [value] : [(value & 0x7f) | 0x80, value >> 7];
}
