import { type Source, window } from "../../src/core/binary/source.ts";
import { MkinitrdError } from "../../src/core/errors.ts";

const PIECE_BYTES = 256 * 1024;

/** As `dump` reads, the first and the last of it. */
export async function readEdges(source: Source): Promise<string> {
  for (const at of [0, Math.floor(source.sizeBytes / 2 / 512) * 512, source.sizeBytes - PIECE_BYTES]) {
    const start = Math.max(0, at);
    await saying(async () => {
      const bytes = await window(source, start, Math.min(PIECE_BYTES, source.sizeBytes - start)).read(0, Math.min(PIECE_BYTES, source.sizeBytes - start));
      if (bytes.length !== Math.min(PIECE_BYTES, source.sizeBytes - start)) throw new Error(`${bytes.length} bytes in place of ${PIECE_BYTES}`);
      return "";
    });
  }
  return "";
}

/** What was said, or the message of the error of ours. */
export async function saying(read: () => Promise<string>): Promise<string> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof MkinitrdError) return error.message;
    throw error;
  }
}
