import { createSequenceReader, type Sequence, type SequenceReader } from "./sequences.ts";

/** The longest passphrase that can be typed; cryptsetup takes 512 bytes at its own prompt. */
export const MAX_SECRET_BYTES = 4096;

const [CTRL_H, TAB, CTRL_U, CTRL_W, LINE_FEED, RETURN, DELETE] = [0x08, 0x09, 0x15, 0x17, 0x0a, 0x0d, 0x7f];
const QUESTION_MARK = 0x3f;

export interface SecretLine {
  /** Characters typed so far: what the screen may know. */
  readonly count: number;
  /**
   * Takes bytes from the terminal and wipes those it took. Returns how many it took: all of them, or up to and with the
   * line end, and then `done` is set.
   */
  feed(bytes: Buffer): number;
  readonly done: boolean;
  /** Whether the person wants to see what they type; Tab changes it. */
  readonly shown: boolean;
  readonly sequences: SequenceReader;
  /** The bytes typed, in a buffer of their own, which the caller wipes; the line is empty and wiped then. */
  take(): Buffer;
  /**
   * The last `most` characters as a terminal may get them, in a buffer that the caller wipes: a question mark for what is no
   * UTF-8 and for what a terminal would obey.
   */
  reveal(most: number): Buffer;
  wipe(): void;
}

export interface SecretLineOptions {
  onSequence?: (sequence: Sequence) => void;
  /** Enter on an empty line is an answer. */
  emptyIsAnswer?: boolean;
}

/** Edits a passphrase as bytes, in one buffer that never moves: Backspace, Ctrl-U, Ctrl-W; escape sequences do nothing. */
export function createSecretLine({ onSequence, emptyIsAnswer = false }: SecretLineOptions = {}): SecretLine {
  const buffer = Buffer.allocUnsafeSlow(MAX_SECRET_BYTES).fill(0);
  const sequences = createSequenceReader(onSequence);
  let length = 0;
  let done = false;
  let shown = false;

  const cut = (to: number) => {
    buffer.fill(0, to, length);
    length = to;
  };
  const edit = (byte: number) => {
    if (sequences.take(byte)) return;
    if (byte === RETURN || byte === LINE_FEED) done = length > 0 || emptyIsAnswer; // else a key to wake the screen
    else if (byte === DELETE || byte === CTRL_H) cut(startOfLastCharacter(buffer, length));
    else if (byte === TAB) shown = !shown;
    else if (byte === CTRL_U) cut(0);
    else if (byte === CTRL_W) cut(startOfLastWord(buffer, length));
    else if (byte >= 0x20 && length < MAX_SECRET_BYTES) buffer[length++] = byte;
  };

  return {
    get count() {
      return countCharacters(buffer, length);
    },
    get done() {
      return done;
    },
    get shown() {
      return shown;
    },
    sequences,
    feed(bytes) {
      let taken = 0;
      while (taken < bytes.length && !done) {
        edit(bytes[taken]!);
        bytes[taken++] = 0;
      }
      return taken;
    },
    take() {
      const secret = Buffer.allocUnsafeSlow(length);
      buffer.copy(secret, 0, 0, length);
      this.wipe();
      return secret;
    },
    reveal(most) {
      const starts = characterStarts(buffer, length);
      const from = starts[Math.max(0, starts.length - most)] ?? length;
      const visible = Buffer.allocUnsafeSlow(length - from).fill(0);
      let end = 0;
      for (let at = from; at < length; ) {
        const { bytes, isPrintable } = characterAt(buffer, at, length);
        if (isPrintable) end += buffer.copy(visible, end, at, at + bytes);
        else visible[end++] = QUESTION_MARK;
        at += bytes;
      }
      return visible.subarray(0, end);
    },
    wipe() {
      cut(0);
      done = false;
      sequences.reset();
    },
  };
}

/** In memory of its own: Buffer.from would put it in a pool that others read. */
export function copyOfSecret(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}

const isContinuation = (byte: number) => (byte & 0xc0) === 0x80;

/** Where the last UTF-8 character starts; a byte that belongs to no character counts as one. */
function startOfLastCharacter(buffer: Buffer, length: number): number {
  let start = Math.max(0, length - 1);
  while (start > 0 && isContinuation(buffer[start]!) && length - start < 4) start--;
  return start;
}

function startOfLastWord(buffer: Buffer, length: number): number {
  let start = length;
  while (start > 0 && buffer[start - 1] === 0x20) start--;
  while (start > 0 && buffer[start - 1] !== 0x20) start--;
  return start;
}

function countCharacters(buffer: Buffer, length: number): number {
  let count = 0;
  for (let index = 0; index < length; index++) if (!isContinuation(buffer[index]!)) count++;
  return count;
}

function characterStarts(buffer: Buffer, length: number): number[] {
  const starts: number[] = [];
  for (let at = 0; at < length; at += characterAt(buffer, at, length).bytes) starts.push(at);
  return starts;
}

/** The UTF-8 character at `at`, or one byte that belongs to none. RFC 3629, 4; C1 controls are U+0080–U+009F. */
function characterAt(buffer: Buffer, at: number, length: number): { bytes: number; isPrintable: boolean } {
  const [first, second] = [buffer[at]!, at + 1 < length ? buffer[at + 1]! : 0];
  if (first < 0x80) return { bytes: 1, isPrintable: first >= 0x20 && first !== 0x7f };
  const bytes = first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 1;
  const isWhole = bytes > 1 && at + bytes <= length && buffer.subarray(at + 1, at + bytes).every(isContinuation);
  const isOverlong = (first === 0xe0 && second < 0xa0) || (first === 0xf0 && second < 0x90);
  const isNoCharacter = (first === 0xed && second > 0x9f) || (first === 0xf4 && second > 0x8f); // surrogates, beyond U+10FFFF
  if (!isWhole || isOverlong || isNoCharacter) return { bytes: 1, isPrintable: false };
  return { bytes, isPrintable: !(first === 0xc2 && second < 0xa0) };
}
