/** The longest passphrase that can be typed; cryptsetup takes 512 bytes at its own prompt. */
export const MAX_SECRET_BYTES = 4096;

const [CTRL_H, CTRL_U, CTRL_W, LINE_FEED, RETURN, ESCAPE, DELETE] = [0x08, 0x15, 0x17, 0x0a, 0x0d, 0x1b, 0x7f];

/** Where an escape sequence stands: none, behind ESC, inside CSI parameters, one letter after ESC O. */
export type Sequence = "none" | "escape" | "csi" | "ss3";

export interface SecretLine {
  /** Characters typed so far: what the screen may know. */
  readonly count: number;
  /**
   * Takes bytes from the terminal and wipes those it took. Returns how many it took: all of them, or up to and with the
   * line end, and then `done` is set.
   */
  feed(bytes: Buffer): number;
  readonly done: boolean;
  /** The bytes typed, in a buffer of their own, which the caller wipes; the line is empty and wiped then. */
  take(): Buffer;
  wipe(): void;
}

/** Edits a passphrase as bytes, in one buffer that never moves: Backspace, Ctrl-U, Ctrl-W; escape sequences do nothing. */
export function createSecretLine(): SecretLine {
  const buffer = Buffer.allocUnsafeSlow(MAX_SECRET_BYTES).fill(0);
  let length = 0;
  let done = false;
  let sequence: Sequence = "none";

  const cut = (to: number) => {
    buffer.fill(0, to, length);
    length = to;
  };
  const edit = (byte: number) => {
    if (sequence !== "none") sequence = nextInSequence(sequence, byte);
    else if (byte === RETURN || byte === LINE_FEED) done = length > 0; // nobody's key is empty: a key to wake the screen
    else if (byte === DELETE || byte === CTRL_H) cut(startOfLastCharacter(buffer, length));
    else if (byte === CTRL_U) cut(0);
    else if (byte === CTRL_W) cut(startOfLastWord(buffer, length));
    else if (byte === ESCAPE) sequence = "escape";
    else if (byte >= 0x20 && length < MAX_SECRET_BYTES) buffer[length++] = byte;
  };

  return {
    get count() {
      return countCharacters(buffer, length);
    },
    get done() {
      return done;
    },
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
    wipe() {
      cut(0);
      done = false;
      sequence = "none";
    },
  };
}

/** ECMA-48, 5.4: CSI, parameters 0x30–0x3f, intermediates 0x20–0x2f, one final byte 0x40–0x7e. */
export function nextInSequence(sequence: Sequence, byte: number): Sequence {
  if (sequence === "escape") return byte === 0x5b ? "csi" : byte === 0x4f ? "ss3" : "none";
  if (sequence === "csi" && byte >= 0x20 && byte <= 0x3f) return "csi";
  return "none";
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
