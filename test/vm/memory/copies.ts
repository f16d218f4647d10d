import type { Guest } from "../../../src/host/qemu/guest.ts";
import { dumpMemory, type GuestMemory } from "./guest-memory.ts";
import { createPageOwners, type PageOwner, type PageOwners } from "./page-owner.ts";

/** So many characters side by side are no coincidence: each such piece of a secret is searched for. */
const PIECE_CHARACTERS = 12;

/** How many copies of a secret each owner has: `{ "process: /usr/bin/node": 1 }`. */
export type CountCopies = (secret: string) => Record<string, number>;

/** Takes a guest's memory as it is now, for secrets to be looked for in it; see `dumpMemory`. `file` is where it may lie meanwhile. */
export async function searchMemory(guest: Guest, memoryMiB: number, file: string): Promise<CountCopies> {
  const memory = await dumpMemory(guest, memoryMiB, file);
  const ownerOf = createPageOwners(memory);
  return (secret) => countByOwner(findCopies(memory, ownerOf, secret));
}

/** A place in memory that holds a secret, or a part of it. */
interface SecretCopy {
  address: number;
  /** V8 keeps some strings with two bytes a character. */
  encoding: "latin1" | "utf16le";
  owner: PageOwner;
}

/** Every copy of a secret's text, whole or any 23 characters of it in a row. */
function findCopies(memory: GuestMemory, ownerOf: PageOwners, secret: string): SecretCopy[] {
  const places = new Map<number, SecretCopy>();
  for (const encoding of ["latin1", "utf16le"] as const) {
    for (let index = 0; index + PIECE_CHARACTERS <= secret.length; index += PIECE_CHARACTERS) {
      const piece = Buffer.from(secret.slice(index, index + PIECE_CHARACTERS), encoding);
      for (const at of findAll(memory, piece)) {
        const address = at - (index / PIECE_CHARACTERS) * piece.length;
        if (!places.has(address)) places.set(address, { address, encoding, owner: ownerOf(at) });
      }
    }
  }
  return [...places.values()];
}

/** Where the bytes are. Most of a guest's memory was never written: empty pages are left out. */
function* findAll({ bytes, written }: GuestMemory, piece: Buffer): Generator<number> {
  for (const { start, end } of written) {
    const run = bytes.subarray(start, end);
    for (let at = run.indexOf(piece); at !== -1; at = run.indexOf(piece, at + 1)) yield start + at;
  }
}

function countByOwner(copies: SecretCopy[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { owner: { kind, detail } } of copies) counts[`${kind}: ${detail}`] = (counts[`${kind}: ${detail}`] ?? 0) + 1;
  return counts;
}
