import { MkinitrdError } from "../errors.ts";

/** lzop's file header, behind the nine bytes of its magic; all numbers are big endian. lzop 1.04, src/lzop.c, write_header(). */
const MAGIC = Buffer.from("894c5a4f000d0a1a0a", "hex");
const FLAGS = 17;
const MTIME = 25; // the low half of the seconds, the high half behind it
const NAME_LENGTH = 33;
const NAME = 34;
const FLAG_CRC32 = 0x1000; // the header's checksum is a CRC-32; else it is an Adler-32
const FLAG_FILTER = 0x800; // four more bytes in front of the mode

/** How many bytes of a stream `clearLzopTime` may need: the longest name, and the checksum. */
export const LZOP_HEADER_BYTES_MAX = NAME + 255 + 4;

/** The beginning of an lzop stream with a time of zero: the program writes when it ran. Throws where this is no such header. */
export function clearLzopTime(beginning: Buffer): Buffer {
  const checksum = NAME + (beginning[NAME_LENGTH] ?? 0);
  const flags = beginning.length < checksum + 4 ? 0 : beginning.readUInt32BE(FLAGS);
  if (beginning.length < checksum + 4 || !beginning.subarray(0, MAGIC.length).equals(MAGIC) || (flags & (FLAG_CRC32 | FLAG_FILTER)) !== 0) {
    throw new MkinitrdError({ tried: "reading the header that lzop wrote", on: "its output", found: `0x${beginning.toString("hex", 0, 24)}, which is none that this knows`, next: "choose another compression" });
  }
  const cleared = Buffer.from(beginning);
  cleared.fill(0, MTIME, MTIME + 8);
  cleared.writeUInt32BE(adler32(cleared.subarray(MAGIC.length, checksum)), checksum);
  return cleared;
}

/** RFC 1950, section 8.2. */
function adler32(bytes: Buffer): number {
  let [a, b] = [1, 0];
  for (const byte of bytes) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return b * 65536 + a;
}
