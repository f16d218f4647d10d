const [ESCAPE, CSI, SS3] = [0x1b, 0x5b, 0x4f];
const MOST_PARAMETER_BYTES = 16;

/** An escape sequence that a terminal sent: a cursor key, or a reply. */
export interface Sequence {
  /** Its last byte, as a character: `A` of a cursor key, `R` of a cursor position. */
  final: string;
  /** `24;80`, at most 16 characters of it. */
  parameters: string;
}

/** Last bytes of what keys send: the cursor, Home and End, F1 to F4, and `~` of the others. Replies of a terminal end in others. */
const KEY_FINALS = "ABCDHFPQS~";

/** Calls back for each key among the bytes; replies of a terminal and the zero bytes of a break are none. */
export function createKeyCounter(pressed: () => void): (bytes: Buffer) => void {
  const sequences = createSequenceReader(({ final }) => KEY_FINALS.includes(final) && pressed());
  return (bytes) => {
    for (const byte of bytes) if (!sequences.take(byte) && byte !== 0) pressed();
  };
}

/** Tells the bytes of escape sequences from those that were typed. */
export interface SequenceReader {
  /** Whether the byte belongs to a sequence. */
  take(byte: number): boolean;
  /** ESC came, and nothing behind it so far: the key, or the beginning of a sequence. */
  readonly atEscape: boolean;
  reset(): void;
}

/** ECMA-48, 5.4: CSI, parameters 0x30–0x3f, intermediates 0x20–0x2f, one final byte 0x40–0x7e; SS3 takes one byte. */
export function createSequenceReader(onSequence: (sequence: Sequence) => void = () => {}): SequenceReader {
  let state: "none" | "escape" | "csi" | "ss3" = "none";
  let parameters = "";
  return {
    get atEscape() {
      return state === "escape";
    },
    reset() {
      state = "none";
    },
    take(byte) {
      if (byte === ESCAPE) {
        state = "escape";
        return true;
      }
      if (state === "none") return false;
      if (state === "escape") {
        parameters = "";
        state = byte === CSI ? "csi" : byte === SS3 ? "ss3" : "none"; // a letter behind ESC is that letter with Alt
        return true;
      }
      if (state === "csi" && byte >= 0x20 && byte <= 0x3f) {
        if (parameters.length < MOST_PARAMETER_BYTES) parameters += String.fromCharCode(byte);
        return true;
      }
      state = "none";
      if (byte >= 0x40 && byte <= 0x7e) onSequence({ final: String.fromCharCode(byte), parameters });
      return true;
    },
  };
}
