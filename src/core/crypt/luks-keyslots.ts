import { timingSafeEqual } from "node:crypto";
import { SECTOR_BYTES, type Source, window } from "../binary/source.ts";
import { type Crypt, openCrypt } from "../dm/crypt.ts";
import { explain, MkinitrdError } from "../errors.ts";
import { quote } from "../quote.ts";
import type { Luks1Header } from "../formats/luks1.ts";
import { type Luks2Header, unknownRequirements } from "../formats/luks2.ts";
import { mergeStripes } from "./antiforensic.ts";
import { deriveKey, hasHash, type Kdf } from "./kdf.ts";

/** cryptsetup's LUKS_STRIPES, and more than any of its keys has (luks1.ts has the same bound); a digest has 20 bytes in LUKS1 and those of a hash in LUKS2. */
const [STRIPES, MOST_KEY_BYTES, LEAST_DIGEST_BYTES] = [4000, 4096, 16];
/** OpenSSL's. */
const MOST_ITERATIONS = 2 ** 31 - 1;

/** A volume key, and the keyslot that a passphrase opened. */
export interface OpenedKeyslot {
  /** The caller wipes it. */
  volumeKey: Buffer;
  keyslot: number;
}

/** A keyslot of either version, as one sees it who has a passphrase. */
interface Keyslot {
  number: number;
  kdf: Kdf;
  /** Where the key lies, and what it is encrypted with. */
  area: { offsetBytes: number; encryption: string; keyBytes: number };
  antiForensic: { stripes: number; hash: string };
  keyBytes: number;
  /** The proofs of a key: its PBKDF2 is one of these. */
  digests: { hash: string; iterations: number; salt: Buffer; digest: Buffer }[];
}

/** What a header and a passphrase give: the key, or why not. */
export type Unlocking = OpenedKeyslot | { refused: string[] };

/**
 * Tries a passphrase on the keyslots of a LUKS volume, the preferred ones first, or on one alone: without a device, `source` is what the
 * header was read from. Throws when the header has features that nobody knows. When none opens, `refused` names the keyslots that could not be tried, and why. LUKS On-Disk Format Specification 1.2.3,
 * section 4.4; LUKS2 1.1.4, section 3.2. Key material is wiped; the passphrase is the caller's.
 */
export async function openKeyslot(source: Source, header: Luks1Header | Luks2Header, passphrase: Buffer, only?: number): Promise<Unlocking> {
  const refused: string[] = [];
  const keyslots = "metadata" in header ? luks2Keyslots(header, only, source, refused) : luks1Keyslots(header);
  for (const keyslot of only === undefined ? keyslots : keyslots.filter(({ number }) => number === only)) {
    const problem = unsupported(keyslot);
    if (problem !== undefined) {
      refused.push(`keyslot ${keyslot.number}: ${problem}`);
      continue;
    }
    const volumeKey = await tryKeyslot(source, keyslot, passphrase, refused);
    if (volumeKey !== undefined) return { volumeKey, keyslot: keyslot.number };
  }
  return { refused };
}

async function tryKeyslot(source: Source, { area, antiForensic: { stripes, hash }, digests, kdf, keyBytes, number }: Keyslot, passphrase: Buffer, refused: string[]): Promise<Buffer | undefined> {
  // OpenSSL's own bounds: no iteration, less memory than Argon2 takes, or more than there is.
  const derived = await deriveKey(kdf, passphrase, area.keyBytes).catch((error: unknown) => void refused.push(`keyslot ${number}: its key derivation can't be done: ${explain(error)}`));
  if (derived === undefined) return undefined;
  let split: Buffer | undefined;
  try {
    split = await decryptArea(source, area, keyBytes * stripes, derived);
    const volumeKey = mergeStripes(split, keyBytes, stripes, hash);
    if (await isProved(volumeKey, digests)) return volumeKey;
    volumeKey.fill(0);
    return undefined;
  } finally {
    derived.fill(0);
    split?.fill(0);
  }
}

/** The area is encrypted as a device of its own, in sectors of 512 bytes from 0 on. */
async function decryptArea(source: Source, { encryption, offsetBytes }: Keyslot["area"], lengthBytes: number, key: Buffer): Promise<Buffer> {
  const lengthSectors = Math.ceil(lengthBytes / SECTOR_BYTES);
  const target: Crypt = {
    startSector: 0, lengthSectors, cipher: encryption, key, ivOffsetSectors: 0, options: [],
    device: { path: source.name, source: window(source, offsetBytes, lengthSectors * SECTOR_BYTES) }, deviceSector: 0,
  };
  const opened = openCrypt(target);
  try {
    return await opened.read(0, lengthBytes);
  } finally {
    await opened.close?.();
  }
}

async function isProved(key: Buffer, digests: Keyslot["digests"]): Promise<boolean> {
  for (const { digest, hash, iterations, salt } of digests.filter(isUsable)) {
    const made = await deriveKey({ type: "pbkdf2", hash, iterations, salt }, key, digest.length);
    if (timingSafeEqual(made, digest)) return true;
  }
  return false;
}

/** What no cryptsetup writes is not looked at further: it would take memory or time without a bound, or be opened by any key. */
function unsupported({ antiForensic, area, digests, kdf, keyBytes }: Keyslot): string | undefined {
  if (keyBytes === 0 || keyBytes > MOST_KEY_BYTES) return `it holds a key of ${keyBytes} bytes, 1 to ${MOST_KEY_BYTES} are possible`;
  if (area.keyBytes === 0 || area.keyBytes > MOST_KEY_BYTES) return `its area is encrypted with a key of ${area.keyBytes} bytes, 1 to ${MOST_KEY_BYTES} are possible`;
  if (antiForensic.stripes !== STRIPES) return `its key lies in ${antiForensic.stripes} stripes; known: ${STRIPES}`;
  const hashes = [antiForensic.hash, ...(kdf.type === "pbkdf2" ? [kdf.hash] : []), ...digests.map(({ hash }) => hash)];
  const unknown = hashes.find((hash) => !hasHash(hash));
  if (unknown !== undefined) return `the hash ${quote(unknown)} is not here`;
  return digests.filter(isUsable).length === 0 ? "no digest says which key is right" : undefined;
}

function isUsable({ digest, iterations }: Keyslot["digests"][number]): boolean {
  return digest.length >= LEAST_DIGEST_BYTES && iterations > 0 && iterations <= MOST_ITERATIONS;
}

/** The numbers of the keyslots that hold a key. */
export function keyslotNumbers(header: Luks1Header | Luks2Header): number[] {
  return "metadata" in header ? header.metadata.keyslots.filter(({ type }) => type === "luks2").map(({ number }) => number) : header.keyslots.filter(({ active }) => active).map(({ number }) => number);
}

function luks1Keyslots({ cipherMode, cipherName, digest, digestIterations, digestSalt, hash, keyBytes, keyslots }: Luks1Header): Keyslot[] {
  return keyslots.filter(({ active }) => active).map(({ iterations, keyMaterialSector, number, salt, stripes }) => ({
    number, keyBytes,
    kdf: { type: "pbkdf2", hash, iterations, salt },
    area: { offsetBytes: keyMaterialSector * SECTOR_BYTES, encryption: `${cipherName}-${cipherMode}`, keyBytes },
    antiForensic: { stripes, hash },
    digests: [{ hash, iterations: digestIterations, salt: digestSalt, digest }],
  }));
}

/** Those that hold the key of a segment, by their priority: one that is ignored is taken only by its number; section 3.2. */
function luks2Keyslots(header: Luks2Header, only: number | undefined, source: Source, refused: string[]): Keyslot[] {
  const { metadata } = header;
  const [unknown] = unknownRequirements(header);
  if (unknown !== undefined) throw new MkinitrdError({ tried: "unlocking", on: source.name, found: `its header requires ${quote(unknown)}, which is not known here`, next: "open it with the cryptsetup that made it" });
  const sorted = metadata.keyslots.filter(({ number, priority }) => (priority > 0 || number === only) && isBound(number)).sort((a, b) => b.priority - a.priority || a.number - b.number);
  return sorted.flatMap(({ antiForensic, area, kdf, keyBytes, number, type }): Keyslot[] => {
    if (kdf === undefined || antiForensic === undefined || area.encryption === undefined || area.keyBytes === undefined || kdf.type === "unknown") {
      if (type === "luks2") refused.push(`keyslot ${number}: its key derivation ${kdf?.type === "unknown" ? quote(kdf.name) : ""} is not known here`);
      return [];
    }
    const digests = metadata.digests.flatMap(({ keyslots, pbkdf2 }) => (keyslots.includes(number) && pbkdf2 !== undefined ? [pbkdf2] : []));
    return [{
      number, keyBytes, antiForensic,
      kdf: { ...kdf, salt: Buffer.from(kdf.salt, "base64") },
      area: { offsetBytes: area.offsetBytes, encryption: area.encryption, keyBytes: area.keyBytes },
      digests: digests.map(({ digest, salt, ...rest }) => ({ ...rest, salt: Buffer.from(salt, "base64"), digest: Buffer.from(digest, "base64") })),
    }];
  });

  /** A keyslot may hold a key that no segment is encrypted with: luksAddKey --unbound. */
  function isBound(number: number): boolean {
    return metadata.digests.some(({ keyslots, segments }) => keyslots.includes(number) && segments.length > 0);
  }
}

/** The error for a passphrase that opened nothing. */
export function notOpened(source: Source, refused: readonly string[]): MkinitrdError {
  return new MkinitrdError({
    tried: "unlocking", on: source.name,
    found: refused.length === 0 ? "no keyslot opens with this passphrase" : `no keyslot opens with this passphrase, and some could not be tried: ${refused.join("; ")}`,
    next: refused.length === 0 ? "check the keyboard layout, and that it is this volume's passphrase" : "try those with cryptsetup",
  });
}
