import { bootOnce, type Contestant, type Hardware } from "./boots.ts";
import type { Say } from "./builds.ts";
import { findSmallest } from "./figures.ts";

const RANGE = { from: 128, to: 512, step: 16 }; // MiB
const TRIES = 2; // TCG may break a guest that has enough

/** The smallest guest that boots, and what the builder had said. */
export interface SmallestFigures {
  /** Undefined when the largest that was tried is too small. */
  memoryMiB: number | undefined;
  estimateMiB: number;
  tried: { memoryMiB: number; booted: boolean }[];
}

/** Looks for the smallest guest that boots, in steps of 16 MiB. A guest that takes longer than `timeoutMs` has failed. */
export async function findSmallestGuest(contestant: Contestant, hardware: Hardware, estimateMiB: number, timeoutMs: number, say: Say): Promise<SmallestFigures> {
  const tried: SmallestFigures["tried"] = [];
  const memoryMiB = await findSmallest(RANGE, estimateMiB, async (size) => {
    const booted = await boots(contestant, { ...hardware, memoryMiB: size }, timeoutMs);
    say(`smallest guest: ${size} MiB ${booted ? "boots" : "does not boot"}`);
    tried.push({ memoryMiB: size, booted });
    return booted;
  });
  return { memoryMiB, estimateMiB, tried };
}

async function boots(contestant: Contestant, hardware: Hardware, timeoutMs: number): Promise<boolean> {
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    if (await bootOnce(contestant, hardware, timeoutMs).then(() => true, () => false)) return true;
  }
  return false;
}
