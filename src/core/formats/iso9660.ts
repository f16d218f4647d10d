import type { Source } from "../binary/source.ts";
import { ascii, bytes, struct, u16be, u16le, u32be, u32le, u8 } from "../binary/struct.ts";
import type { Decoded } from "../binary/struct.ts";
import type { Content } from "./content.ts";
import { identity, labelText, utf16Label } from "./label.ts";
import { isPowerOfTwo, readInside } from "./superblock.ts";

/** Volume descriptor. ECMA-119, sections 8.4 and 8.5; of High Sierra 8 bytes further on, with the dates elsewhere. */
export const isoDescriptor = struct("ISO 9660 volume descriptor", 848, {
  type: u8(0),
  id: ascii(1, 5),
  version: u8(6),
  volumeId: bytes(40, 32),
  blocksLe: u32le(80), // both orders of each number, one behind the other
  blocksBe: u32be(84),
  escapes: ascii(88, 3), // Joliet: the level of UCS-2
  blockBytesLe: u16le(128),
  blockBytesBe: u16be(130),
  createdHighSierra: bytes(782, 16),
  modifiedHighSierra: bytes(798, 16),
  created: bytes(813, 17), // sixteen digits and the offset from GMT
  modified: bytes(830, 17),
});

type Descriptor = Decoded<typeof isoDescriptor>;

const FIRST_BYTE = 32 * 1024;
const SECTOR_BYTES = 2048;
const MAX_DESCRIPTORS = 16;
const HIGH_SIERRA_BYTES = 8;
const PRIMARY = 1;
const SUPPLEMENTARY = 2;
const TERMINATOR = 255;
const JOLIET = ["%/@", "%/C", "%/E"];

/**
 * An ISO 9660, with Joliet's label where it has one, or a High Sierra. Its UUID is the time of its last change. Undefined
 * without a primary descriptor whose numbers agree in both byte orders. Reads at most 14 KiB.
 */
export async function probeIso9660(source: Source): Promise<Content | undefined> {
  return (await probeVariant(source, "CD001", 0)) ?? (await probeVariant(source, "CDROM", HIGH_SIERRA_BYTES));
}

async function probeVariant(source: Source, id: string, shiftBytes: number): Promise<Content | undefined> {
  const isHighSierra = shiftBytes > 0;
  let primary: Descriptor | undefined;
  let joliet: Descriptor | undefined;
  for (let index = 0; index < MAX_DESCRIPTORS; index++) {
    const raw = await readInside(source, FIRST_BYTE + index * SECTOR_BYTES + shiftBytes, isoDescriptor.sizeBytes);
    if (raw === undefined) break;
    const one = isoDescriptor.decode(raw);
    if (one.id !== id || one.type === TERMINATOR) break;
    if (one.type === PRIMARY) primary ??= one;
    if (one.type === SUPPLEMENTARY && JOLIET.includes(one.escapes)) joliet ??= one;
  }
  if (primary === undefined || !isSound(primary)) return undefined;
  const dates = isHighSierra ? [primary.modifiedHighSierra, primary.createdHighSierra] : [primary.modified, primary.created];
  return {
    type: "iso9660",
    ...(joliet ? { version: "Joliet Extension" } : isHighSierra ? { version: "High Sierra" } : {}),
    ...identity(dates.map(dateText).find((text) => text !== undefined), labelOf(primary, joliet)),
    blockSizeBytes: primary.blockBytesLe,
    sizeBytes: primary.blocksLe * primary.blockBytesLe,
  };
}

function isSound({ blockBytesBe, blockBytesLe, blocksBe, blocksLe, version }: Descriptor): boolean {
  return version === 1 && isPowerOfTwo(blockBytesLe, 512, SECTOR_BYTES) && blockBytesLe === blockBytesBe && blocksLe === blocksBe;
}

/** All zeros means none. */
function dateText(date: Buffer): string | undefined {
  const digits = date.toString("latin1", 0, 16);
  if (/^0{16}$/.test(digits) && (date[16] ?? 0) === 0) return undefined;
  return [digits.slice(0, 4), ...digits.slice(4).match(/../gs)!].join("-");
}

/**
 * Joliet has 16 characters of any script, the primary descriptor 32 of upper-case ASCII: where one is the other as far as
 * both can say it, the best of both, as libblkid has it.
 */
function labelOf(primary: Descriptor, joliet: Descriptor | undefined): string | undefined {
  if (joliet === undefined) return labelText(primary.volumeId);
  return labelText(Buffer.from(merge(Buffer.from(joliet.volumeId).swap16().toString("utf16le"), primary.volumeId.toString("latin1")) ?? "")) ?? utf16Label(joliet.volumeId, "be");
}

/** Undefined when the two are different labels. */
function merge(unicode: string, ascii: string): string | undefined {
  const characters = [...unicode];
  let merged = "";
  for (const [index, character] of characters.entries()) {
    const other = ascii[index]!;
    if (other === "_") merged += character;
    else if (character === "_") merged += other;
    else if (character.charCodeAt(0) < 256 && character.toUpperCase() === other.toUpperCase()) merged += /[A-Z]/.test(other) ? character : other;
    else return undefined;
  }
  return merged + ascii.slice(characters.length);
}
