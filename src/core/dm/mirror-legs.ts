import { checkRange } from "../binary/source.ts";
import type { Source } from "../binary/source.ts";
import { explain, MkinitrdError } from "../errors.ts";

/** What several sources hold alike, read from the first that can be read. Undefined ones are missing. */
export function openLegs(name: string, sizeBytes: number, legs: (Source | undefined)[]): Source {
  const present = legs.filter((leg) => leg !== undefined);
  if (present.length === 0) throw new MkinitrdError({ tried: "opening a mirror", on: name, found: `all of its ${legs.length} legs are missing` });
  for (const leg of present) checkRange(leg, 0, sizeBytes);
  return {
    name,
    sizeBytes,
    async read(offsetBytes, lengthBytes) {
      checkRange(this, offsetBytes, lengthBytes);
      return firstThatReads(name, present.map((leg) => () => leg.read(offsetBytes, lengthBytes)));
    },
  };
}

/** The result of the first read that works; throws with what each of them said. */
export async function firstThatReads(on: string, reads: (() => Promise<Buffer>)[]): Promise<Buffer> {
  const reasons: unknown[] = [];
  for (const read of reads) {
    try {
      return await read();
    } catch (error) {
      reasons.push(error);
    }
  }
  if (reasons.length === 1) throw reasons[0];
  throw new MkinitrdError({ tried: "reading any copy", on, found: reasons.map(explain).join("; ") || "there is none", cause: reasons[0] });
}
