import { isUuid } from "../binary/guid.ts";
import { SECTOR_BYTES } from "../binary/source.ts";
import type { Source } from "../binary/source.ts";
import { ascii, bytes, struct, u16be, u32be } from "../binary/struct.ts";
import type { Decoded } from "../binary/struct.ts";
import { hex32, MkinitrdError } from "../errors.ts";
import { quote } from "../quote.ts";

/** First six bytes of LUKS1, and of the primary header of LUKS2. */
export const LUKS_MAGIC = "LUKS\xba\xbe";
/** In its place while cryptsetup reencrypts a LUKS1 volume; cryptsetup src/utils_reencrypt_luks1.c, NOMAGIC. */
const REENCRYPTED_MAGIC = "LUKS\xde\xad";
const KEYSLOTS = 8;
const STRIPES = 4000;
const ACTIVE = 0x00ac71f3;
const DISABLED = 0x0000dead;
const MAX_KEY_BYTES = 4096;

/** LUKS1 partition header. LUKS On-Disk Format Specification 1.2.3, figure 1. Big-endian. */
const phdr = struct("LUKS1 header", 208, {
  magic: ascii(0, 6), // "LUKS\xba\xbe"
  version: u16be(6), // 1
  cipherName: ascii(8, 32),
  cipherMode: ascii(40, 32),
  hash: ascii(72, 32),
  payloadSector: u32be(104), // 0: the header is detached
  keyBytes: u32be(108), // of the volume key
  digest: bytes(112, 20), // of the volume key
  digestSalt: bytes(132, 32),
  digestIterations: u32be(164),
  uuid: ascii(168, 40),
});

/** LUKS1 keyslot; eight of them follow the header. The same document, figure 2. */
const keyslotEntry = struct("LUKS1 keyslot", 48, {
  state: u32be(0),
  iterations: u32be(4), // of PBKDF2
  salt: bytes(8, 32),
  keyMaterialSector: u32be(40), // from the start of the header
  stripes: u32be(44), // 4000
});

/** What a LUKS1 header says. A sector is 512 bytes. */
export interface Luks1Header {
  cipherName: string;
  cipherMode: string;
  hash: string;
  /** Where the payload begins; 0 for a detached header. */
  payloadSector: number;
  /** Length of the volume key. */
  keyBytes: number;
  /** PBKDF2 of the volume key with this salt and so many iterations, which proves a key. */
  digest: Buffer;
  digestSalt: Buffer;
  digestIterations: number;
  uuid: string;
  /** All eight. */
  keyslots: Luks1Keyslot[];
  damage: string[];
}

export interface Luks1Keyslot {
  number: number;
  active: boolean;
  /** Of PBKDF2. */
  iterations: number;
  salt: Buffer;
  keyMaterialSector: number;
  stripes: number;
}

/**
 * The LUKS1 header at the start of a source, undefined without its signature (LUKS2 has the same with another version).
 * Throws MkinitrdError for a header that cryptsetup refuses: keyslots that overlap, or reach into header or payload; a reencryption that has
 * not ended.
 */
export async function probeLuks1(source: Source): Promise<Luks1Header | undefined> {
  if (source.sizeBytes < 8) return undefined;
  const start = await source.read(0, Math.min(source.sizeBytes, phdr.sizeBytes + KEYSLOTS * keyslotEntry.sizeBytes));
  const magic = start.toString("latin1", 0, 6);
  if ((magic !== LUKS_MAGIC && magic !== REENCRYPTED_MAGIC) || start.readUInt16BE(6) !== 1) return undefined;
  const header = phdr.decode(start);
  if (magic === REENCRYPTED_MAGIC) {
    const log = `LUKS-${isUuid(header.uuid) ? header.uuid : "UUID"}.log`;
    throw new MkinitrdError({ tried: "reading the LUKS1 header", on: source.name, found: `its reencryption has not ended, and cryptsetup has marked it as unusable: go on where ${log} lies, with cryptsetup reencrypt ${source.name}` });
  }
  const entries = Array.from({ length: KEYSLOTS }, (_, n) => keyslotEntry.decode(start, phdr.sizeBytes + n * keyslotEntry.sizeBytes));
  const problem = headerProblem(header) ?? keyslotsProblem(header, entries);
  if (problem !== undefined) {
    throw new MkinitrdError({
      tried: "reading the LUKS1 header",
      on: source.name,
      found: problem,
      next: `restore it from a backup: cryptsetup luksHeaderRestore ${source.name}, or try: cryptsetup repair ${source.name}`,
    });
  }
  const { cipherName, cipherMode, hash, payloadSector, keyBytes, digest, digestSalt, digestIterations, uuid } = header;
  return {
    ...{ cipherName, cipherMode, hash, payloadSector, keyBytes, digest, digestSalt, digestIterations, uuid },
    keyslots: entries.map(({ state, iterations, salt, keyMaterialSector, stripes }, number) => {
      return { number, active: state === ACTIVE, iterations, salt, keyMaterialSector, stripes };
    }),
    damage: entries.flatMap(({ state }, number) => (state === ACTIVE || state === DISABLED ? [] : [stateDamage(number, state)])),
  };
}

function headerProblem({ cipherName, cipherMode, hash, keyBytes, uuid }: Decoded<typeof phdr>): string | undefined {
  for (const [field, text] of Object.entries({ cipherName, cipherMode, hash })) {
    if (!/^[\x21-\x7e]+$/.test(text)) return `${field} is ${quote(text)}`;
  }
  if (keyBytes === 0 || keyBytes > MAX_KEY_BYTES) return `the volume key has ${keyBytes} bytes, it must be 1 to ${MAX_KEY_BYTES}`;
  return isUuid(uuid) ? undefined : `UUID is ${quote(uuid)}`;
}

/** The rules of cryptsetup (lib/luks1/keymanage.c, LUKS_check_keyslots), which hold for disabled keyslots, too. */
function keyslotsProblem(header: Decoded<typeof phdr>, entries: Decoded<typeof keyslotEntry>[]): string | undefined {
  const sectors = Math.ceil((header.keyBytes * STRIPES) / SECTOR_BYTES);
  const firstSector = Math.ceil((phdr.sizeBytes + KEYSLOTS * keyslotEntry.sizeBytes) / SECTOR_BYTES);
  const areas = entries.map(({ keyMaterialSector: start, stripes }, number) => ({ number, start, end: start + sectors, stripes }));
  areas.sort((a, b) => a.start - b.start);
  for (const [index, { number, start, end, stripes }] of areas.entries()) {
    const before = areas[index - 1];
    if (stripes !== STRIPES) return `keyslot ${number} has ${stripes} stripes, it must be ${STRIPES}`;
    if (start < firstSector) return `keyslot ${number} begins at sector ${start}, inside the header`;
    if (header.payloadSector !== 0 && end > header.payloadSector) {
      return `keyslot ${number} ends at sector ${end}, the payload begins at sector ${header.payloadSector}`;
    }
    if (before !== undefined && start < before.end) return `keyslots ${before.number} and ${number} overlap at sector ${start}`;
  }
  return undefined;
}

function stateDamage(number: number, state: number): string {
  return `keyslot ${number} is neither active nor disabled, its state is ${hex32(state)}: it counts as disabled`;
}
