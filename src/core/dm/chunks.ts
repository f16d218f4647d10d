import { checkRange } from "../binary/source.ts";
import type { Source } from "../binary/source.ts";

/** Reads a part of one chunk: so many bytes from `withinBytes` of it on. */
export type ReadChunk = (chunk: number, withinBytes: number, lengthBytes: number) => Promise<Buffer>;

/** So many reads are under way at once for one range: a chunk may be a sector, and a range as large as memory. */
const AT_A_TIME = 256;

/** A source whose bytes lie in chunks of one size, each of which is found by its number. */
export function chunkedSource(name: string, sizeBytes: number, chunkBytes: number, readChunk: ReadChunk): Source {
  return {
    name,
    sizeBytes,
    async read(offsetBytes, lengthBytes) {
      checkRange(this, offsetBytes, lengthBytes);
      const whole = Buffer.alloc(lengthBytes);
      const end = offsetBytes + lengthBytes;
      let parts: Promise<void>[] = [];
      for (let at = offsetBytes; at < end; ) {
        const [chunk, within] = [Math.floor(at / chunkBytes), at % chunkBytes];
        const size = Math.min(chunkBytes - within, end - at);
        const into = at - offsetBytes;
        parts.push(readChunk(chunk, within, size).then((bytes) => void bytes.copy(whole, into)));
        at += size;
        if (parts.length < AT_A_TIME && at < end) continue;
        await Promise.all(parts);
        parts = [];
      }
      return whole;
    },
  };
}
