import { nextInSequence, type Sequence } from "./secret-line.ts";

const ESCAPE = 0x1b;
const LOWER_CASE = 0x20; // the bit that tells ASCII's letters apart
const [YES, NO] = [0x79, 0x6e]; // y, n

export interface ConfirmKeys {
  /** True for y, false for n, whichever comes first; undefined while neither was typed. */
  feed(bytes: Buffer): boolean | undefined;
}

/** Finds the answer in what is typed. The letters of escape sequences (a cursor key, a terminal's reply) are no answer. */
export function createConfirmKeys(): ConfirmKeys {
  let sequence: Sequence = "none";
  return {
    feed(bytes) {
      for (const byte of bytes) {
        if (sequence !== "none") sequence = nextInSequence(sequence, byte);
        else if (byte === ESCAPE) sequence = "escape";
        else if ((byte | LOWER_CASE) === YES) return true;
        else if ((byte | LOWER_CASE) === NO) return false;
      }
      return undefined;
    },
  };
}
