import { getHashes, pbkdf2 } from "node:crypto";
import { availableParallelism } from "node:os";
import { promisify } from "node:util";
import type { Source } from "../binary/source.ts";
import { pbkdf2Whirlpool } from "../crypt/whirlpool.ts";
import { MkinitrdError } from "../errors.ts";
import { decodeTruecryptHeader, DIGESTS, HEADER_BYTES, headerOffset, type HeaderPlace, SALT_BYTES, type TruecryptHeader } from "../formats/truecrypt.ts";
import { HASH_NAMES, type TcryptHash } from "../formats/truecrypt-kdf.ts";
import { decryptHeader, type HeaderCipher, headerCiphers } from "./header-cipher.ts";
import type { Trial } from "./places.ts";

/** A header that a passphrase opened. */
export interface FoundHeader {
  /** Its keys are a secret, which the caller wipes. */
  header: TruecryptHeader;
  place: HeaderPlace;
  hash: TcryptHash;
  cipher: HeaderCipher;
  /** What is wrong with headers that were looked at before this one. */
  damage: string[];
}

export interface HeaderSearch {
  /** Of what is looked for; all that are known here when undefined. */
  cipher: string | undefined;
  /** Says what is tried, before it is. */
  say?(about: string): void;
}

/** TrueCrypt takes no more of a passphrase; VeraCrypt 128. */
const MOST_TRUECRYPT_BYTES = 64;
/** Node's threads for work of this kind, unless UV_THREADPOOL_SIZE says otherwise: more would wait for one another. */
const MOST_AT_ONCE = 4;

/**
 * Tries a passphrase, with its key files in it, on headers until one opens: the first of `trials` that does, whichever key derivation ends
 * first. As many derive side by side as there are processors. Undefined when none opens; throws the first damage when a header opened
 * and none was sound.
 */
export async function findHeader(source: Source, passphrase: Buffer, trials: readonly Trial[], { cipher, say }: HeaderSearch): Promise<FoundHeader | undefined> {
  const raw = await readHeaders(source, trials);
  const ciphersOf = ({ kdf, layers }: Pick<Trial, "kdf" | "layers">) => headerCiphers(kdf.type, cipher).filter((each) => layers === "any" || (each.layers.length > 1) === (layers === "several"));
  const tried = trials.filter(({ kdf, layers, place }) => raw.has(place) && hasTcryptHash(kdf.hash) && ciphersOf({ kdf, layers }).length > 0 && (kdf.type === "veracrypt" || passphrase.length <= MOST_TRUECRYPT_BYTES));
  const found = new Map<number, FoundHeader>();
  const problems = new Map<number, MkinitrdError>();
  let [next, best] = [0, tried.length];
  const work = async (): Promise<void> => {
    while (next < best) {
      const index = next++;
      const { kdf, layers, place } = tried[index]!;
      say?.(`${kdf.type === "truecrypt" ? "TrueCrypt" : "VeraCrypt"}, ${HASH_NAMES[kdf.hash]}, ${ABOUT[place]}${layers === "several" ? ", cascades" : ""}`);
      try {
        const opened = await tryHeader(raw.get(place)!, tried[index]!, passphrase, ciphersOf(tried[index]!), source);
        if (opened === undefined) continue;
        found.set(index, { ...opened, place, hash: kdf.hash, damage: [] });
        best = Math.min(best, index);
      } catch (error) {
        if (!(error instanceof MkinitrdError)) {
          next = best; // the others end what they have begun
          throw error;
        }
        problems.set(index, error);
      }
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: Math.min(MOST_AT_ONCE, availableParallelism()) }, work));
  const failed = ends.find((end) => end.status === "rejected");
  if (failed !== undefined) {
    for (const { header } of found.values()) header.keys.fill(0);
    throw failed.reason;
  }
  for (const [index, { header }] of found) if (index !== best) header.keys.fill(0);
  const result = found.get(best);
  const [problem] = [...problems].sort(([a], [b]) => a - b).map(([, each]) => each);
  if (result === undefined && problem !== undefined) throw problem;
  return result && { ...result, damage: damageOf(result, tried.slice(0, best), problem) };
}

/** Whether a header's key can be derived here. */
export function hasTcryptHash(hash: TcryptHash): boolean {
  return hash === "whirlpool" || getHashes().includes(DIGESTS[hash] ?? "");
}

const ABOUT: Record<HeaderPlace, string> = {
  primary: "the header", hidden: "the hidden volume's header", hiddenOld: "a hidden volume's header of before TrueCrypt 6",
  backup: "the copy of the header", hiddenBackup: "the copy of the hidden volume's header", system: "the system's header",
};
const ORIGINALS: Partial<Record<HeaderPlace, HeaderPlace>> = { backup: "primary", hiddenBackup: "hidden" };

/** A copy that was not asked for opened: what it is a copy of is damaged, or was made with another passphrase. */
function damageOf({ place }: FoundHeader, before: readonly Trial[], problem: MkinitrdError | undefined): string[] {
  const original = ORIGINALS[place];
  if (original === undefined || !before.some((trial) => trial.place === original)) return [];
  return [`${ABOUT[original]} does not open, the copy at the volume's end was used${problem === undefined ? "" : `: ${problem.found}`}; the option backup boots it`];
}

/** The headers' bytes, by place: what lies outside of the source, or can't be read, is left out. */
async function readHeaders(source: Source, trials: readonly Trial[]): Promise<Map<HeaderPlace, Buffer>> {
  const raw = new Map<HeaderPlace, Buffer>();
  for (const place of new Set(trials.map((trial) => trial.place))) {
    const at = headerOffset(place, source.sizeBytes);
    if (at === undefined) continue;
    try {
      raw.set(place, await source.read(at, HEADER_BYTES));
    } catch (error) {
      if (!(error instanceof MkinitrdError)) throw error; // an unreadable header has a copy
    }
  }
  return raw;
}

async function tryHeader(raw: Buffer, { iterations, kdf }: Trial, passphrase: Buffer, ciphers: readonly HeaderCipher[], source: Source): Promise<Pick<FoundHeader, "header" | "cipher"> | undefined> {
  const [salt, keyBytes] = [raw.subarray(0, SALT_BYTES), Math.max(...ciphers.map((cipher) => cipher.keyBytes))];
  const derived = kdf.hash === "whirlpool" ? pbkdf2Whirlpool(passphrase, salt, iterations, keyBytes) : await promisify(pbkdf2)(passphrase, salt, iterations, keyBytes, DIGESTS[kdf.hash]!);
  try {
    for (const cipher of ciphers) {
      const plain = decryptHeader(raw, derived, cipher);
      try {
        const header = decodeTruecryptHeader(plain, source);
        if (header === undefined) continue;
        if (header.type === kdf.type) return { header, cipher };
        header.keys.fill(0);
      } finally {
        plain.fill(0);
      }
    }
    return undefined;
  } finally {
    derived.fill(0);
  }
}
