import { MkinitrdError } from "../errors.ts";

/** Reads a compressed stream front to back; every step checks that the bytes are there. */
export interface Cursor {
  /** Where the next read begins, from the start of the buffer. */
  at: number;
  /** Steps over so many bytes and gives where they begin. Throws when the file ends before they do. */
  take(lengthBytes: number): number;
  u8(): number;
  u16be(): number;
  u32be(): number;
  /** The error for what was found in the stream. */
  broken(found: string): MkinitrdError;
}

/** A cursor over the stream of this kind (`an xz stream`) that begins at `offsetBytes`; `name` is the file's, for errors. */
export function cursor(kind: string, bytes: Buffer, offsetBytes: number, name: string): Cursor {
  return {
    at: offsetBytes,
    take(lengthBytes) {
      const from = this.at;
      if (from + lengthBytes > bytes.length) throw this.broken(`it is cut off: the file ends at byte ${bytes.length}`);
      this.at = from + lengthBytes;
      return from;
    },
    u8() {
      return bytes.readUInt8(this.take(1));
    },
    u16be() {
      return bytes.readUInt16BE(this.take(2));
    },
    u32be() {
      return bytes.readUInt32BE(this.take(4));
    },
    broken(found) {
      return new MkinitrdError({ tried: `reading ${kind}`, on: `${name} at byte ${offsetBytes}`, found });
    },
  };
}
