import { type Source, window } from "../../src/core/binary/source.ts";
import { MkinitrdError } from "../../src/core/errors.ts";

const PIECE_BYTES = 256 * 1024;

/** As `dump` reads, of the first, the middle and the last of it; gives what it says of damage. */
export async function readEdges(source: Source): Promise<string> {
  const said: string[] = [];
  for (const at of [0, Math.floor(source.sizeBytes / 2 / 512) * 512, source.sizeBytes - PIECE_BYTES]) {
    const start = Math.max(0, at);
    const lengthBytes = Math.min(PIECE_BYTES, source.sizeBytes - start);
    said.push(await saying(async () => {
      const bytes = await window(source, start, lengthBytes).read(0, lengthBytes);
      if (bytes.length !== lengthBytes) throw new Error(`${bytes.length} bytes in place of ${lengthBytes}`);
      return "";
    }));
  }
  return said.join("\n");
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
