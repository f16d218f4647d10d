import type { Source } from "../../src/core/binary/source.ts";
import { keyslotNumbers, openKeyslot } from "../../src/core/crypt/luks-keyslots.ts";
import type { Luks1Header } from "../../src/core/formats/luks1.ts";
import type { Luks2Header } from "../../src/core/formats/luks2.ts";
import type { Luks2Kdf } from "../../src/core/formats/luks2-keyslot.ts";
import { saying } from "./reading.ts";

/** Tries a passphrase on the first keyslot of a header that was read. */
export async function tryPassphrase(source: Source, header: Luks1Header | Luks2Header): Promise<void> {
  await saying(async () => JSON.stringify(await openKeyslot(source, cheaper(header), Buffer.from("x"), keyslotNumbers(header)[0])));
}

/** With hardly any work in its key derivation: what it asks for is not ours to bound. Zeros stay. */
function cheaper<H extends Luks1Header | Luks2Header>(header: H): H {
  const least = (iterations: number): number => Math.min(2, iterations);
  if (!("metadata" in header)) return { ...header, digestIterations: least(header.digestIterations), keyslots: header.keyslots.map((keyslot) => ({ ...keyslot, iterations: least(keyslot.iterations) })) };
  const cheap = (kdf: Luks2Kdf): Luks2Kdf => kdf.type === "pbkdf2" ? { ...kdf, iterations: least(kdf.iterations) } : kdf.type === "unknown" ? kdf : { ...kdf, time: least(kdf.time), memoryKib: Math.min(64, kdf.memoryKib), cpus: Math.min(4, kdf.cpus) };
  const { digests, keyslots } = header.metadata;
  return {
    ...header,
    metadata: {
      ...header.metadata,
      keyslots: keyslots.map(({ kdf, ...keyslot }) => ({ ...keyslot, ...(kdf === undefined ? {} : { kdf: cheap(kdf) }) })),
      digests: digests.map(({ pbkdf2, ...digest }) => ({ ...digest, ...(pbkdf2 === undefined ? {} : { pbkdf2: { ...pbkdf2, iterations: least(pbkdf2.iterations) } }) })),
    },
  };
}
