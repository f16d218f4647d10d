import { checkRange } from "../binary/source.ts";
import type { Source } from "../binary/source.ts";

/** Where a run of bytes lies: in a source, from a byte on; without one it is zeros. */
export interface Run {
  lengthBytes: number;
  source?: Source;
  atBytes?: number;
}

/** Gives the run that begins at a byte, at least one byte and at most as long as asked for. */
export type FindRun = (offsetBytes: number, mostBytes: number) => Promise<Run>;

/** A source whose bytes lie in runs of other sources. */
export function mappedSource(name: string, sizeBytes: number, find: FindRun): Source {
  return {
    name,
    sizeBytes,
    async read(offsetBytes, lengthBytes) {
      checkRange(this, offsetBytes, lengthBytes);
      const whole = Buffer.alloc(lengthBytes);
      for (let done = 0; done < lengthBytes; ) {
        const { atBytes = 0, lengthBytes: found, source } = await find(offsetBytes + done, lengthBytes - done);
        const length = Math.min(found, lengthBytes - done);
        if (source !== undefined) (await source.read(atBytes, length)).copy(whole, done);
        done += length;
      }
      return whole;
    },
  };
}

/** What is made on the first call, and again on the next one when that failed. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make().catch((error: unknown) => {
    made = undefined;
    throw error;
  }));
}
