import { createHash } from "node:crypto";
import { isUuid } from "../binary/guid.ts";
import type { Source } from "../binary/source.ts";
import { ascii, bytes, struct, toNumber, u16be, u64be, utf8 } from "../binary/struct.ts";
import type { Decoded } from "../binary/struct.ts";
import { MkinitrdError } from "../errors.ts";
import { LUKS_MAGIC } from "./luks1.ts";
import { parseLuks2Metadata } from "./luks2-metadata.ts";
import type { Luks2Metadata } from "./luks2-metadata.ts";
import { BINARY_HEADER_BYTES } from "./luks2-rules.ts";
import { quote } from "../quote.ts";

const SECONDARY_MAGIC = "SKUL\xba\xbe";
/** A header is one of these sizes, and the secondary begins where the primary ends. Section 2.1. */
const HEADER_SIZES = [16, 32, 64, 128, 256, 512, 1024, 2048, 4096].map((kib) => kib * 1024);
const CHECKSUMS = ["sha1", "sha224", "sha256", "sha384", "sha512"];
/** What cryptsetup understands (lib/luks2/luks2_json_metadata.c, requirements_flags). */
const REQUIREMENTS = ["offline-reencrypt", "online-reencrypt", "online-reencrypt-v2", "online-reencrypt-v3", "inline-hw-tags", "opal", "opal-v2"];

/** LUKS2 binary header. LUKS2 On-Disk Format Specification 1.1.4, section 2.1. Big-endian. */
const binaryHeader = struct("LUKS2 binary header", BINARY_HEADER_BYTES, {
  magic: ascii(0, 6), // "LUKS\xba\xbe", and "SKUL\xba\xbe" in the secondary
  version: u16be(6), // 2
  headerBytes: u64be(8), // with the JSON area
  seqid: u64be(16), // higher is newer
  label: utf8(24, 48),
  checksumAlgorithm: ascii(72, 32),
  salt: bytes(104, 64), // only makes the two checksums differ
  uuid: ascii(168, 40),
  subsystem: utf8(208, 48),
  headerOffset: u64be(256), // of this copy, in bytes
  checksum: bytes(448, 64), // of header and JSON area, computed with these 64 bytes as zero
});

type BinaryHeader = Decoded<typeof binaryHeader>;

/** What a LUKS2 header says. */
export interface Luks2Header {
  uuid: string;
  /** Empty when there is none; and so is `subsystem`. */
  label: string;
  subsystem: string;
  seqid: bigint;
  /** Of one copy, with its JSON area. */
  headerBytes: number;
  usedCopy: "primary" | "secondary";
  damage: string[];
  metadata: Luks2Metadata;
}

/**
 * The LUKS2 header of a source: both copies are checked, the valid one that is newer is used. Undefined when neither
 * signature is there, or the primary is LUKS1. A secondary may outlive its volume by years: with `secondary: false` a
 * source whose primary signature is gone is not looked at further.
 * Throws MkinitrdError when there is a signature and no valid copy, or the source ends inside the keyslots area.
 */
export async function probeLuks2(source: Source, options: { secondary?: boolean } = {}): Promise<Luks2Header | undefined> {
  const start = await readStart(source, options.secondary !== false);
  const hasMagic = start.length === 8 && start.toString("latin1", 0, 6) === LUKS_MAGIC;
  if (hasMagic ? start.readUInt16BE(6) === 1 : options.secondary === false) return undefined;
  const primary = await readCopy(source, 0, LUKS_MAGIC);
  const secondary = await readSecondary(source, primary?.binary?.header);
  const { used, damage } = choose(primary, secondary);
  if (used === undefined) {
    const problem = primary?.problem ?? secondary?.problem;
    if (problem !== undefined) throw problem;
    return undefined;
  }
  const { uuid, label, subsystem, seqid, headerBytes } = used.header;
  checkRoom(source, Number(headerBytes), used.metadata);
  return {
    ...{ uuid, label, subsystem, seqid, headerBytes: Number(headerBytes) },
    usedCopy: used.metadata === primary?.metadata ? "primary" : "secondary",
    damage,
    metadata: used.metadata,
  };
}

/** The memory that the cheapest and the dearest keyslot want to derive a key; 0 for one that uses PBKDF2. */
export function luks2KdfMemoryBytes({ metadata }: Pick<Luks2Header, "metadata">): { least: number; most: number } {
  const bytes = metadata.keyslots.map(({ kdf }) => (kdf !== undefined && "memoryKib" in kdf ? kdf.memoryKib * 1024 : 0));
  return bytes.length === 0 ? { least: 0, most: 0 } : { least: Math.min(...bytes), most: Math.max(...bytes) };
}

/** Mandatory requirements that cryptsetup does not know: with any of them it refuses to open the volume. Section 4.6. */
export function unknownRequirements({ metadata }: Pick<Luks2Header, "metadata">): string[] {
  return metadata.config.requirements.filter((name) => !REQUIREMENTS.includes(name));
}

/** That a reencryption has begun and not ended, and what goes on with it; undefined when there is none. Section 5; "offline" is that of cryptsetup 2.0. */
export function reencryptionNote({ metadata, uuid }: Pick<Luks2Header, "metadata" | "uuid">): string | undefined {
  const [name] = metadata.config.requirements.filter((each) => each.includes("reencrypt"));
  if (name === "offline-reencrypt") return `its reencryption has not ended: go on where LUKS-${uuid}.log lies, with cryptsetup-reencrypt`;
  return name === undefined ? undefined : "its reencryption has not ended: go on with cryptsetup reencrypt --resume-only";
}

/** Magic and version. With a secondary to look for, a first sector that can't be read is one of the damages. */
async function readStart(source: Source, goOn: boolean): Promise<Buffer> {
  try {
    return await source.read(0, Math.min(8, source.sizeBytes));
  } catch (error) {
    if (goOn && error instanceof MkinitrdError) return Buffer.alloc(0);
    throw error;
  }
}

/** What came of one copy whose signature is there: how far its checks got. */
interface Copy {
  /** With checksum and bounds in order. */
  binary?: { header: BinaryHeader; jsonArea: Buffer };
  metadata?: Luks2Metadata;
  problem?: MkinitrdError;
}

async function readCopy(source: Source, offsetBytes: number, magic: string): Promise<Copy | undefined> {
  const on = `${source.name} at byte ${offsetBytes}`;
  const copy: Copy = {};
  try {
    const signature = await source.read(offsetBytes, Math.max(0, Math.min(magic.length, source.sizeBytes - offsetBytes)));
    if (signature.toString("latin1") !== magic) return undefined;
    copy.binary = await readBinary(source, offsetBytes, on);
    copy.metadata = parseLuks2Metadata(copy.binary.jsonArea, on);
  } catch (error) {
    if (!(error instanceof MkinitrdError)) throw error;
    copy.problem = error;
  }
  return copy;
}

/** Next to the primary, as far as that says where; else at each place that it can have, a valid one first. */
async function readSecondary(source: Source, primary: BinaryHeader | undefined): Promise<Copy | undefined> {
  if (primary !== undefined) return readCopy(source, Number(primary.headerBytes), SECONDARY_MAGIC);
  let damaged: Copy | undefined;
  for (const offsetBytes of HEADER_SIZES.filter((size) => size < source.sizeBytes)) {
    const copy = await readCopy(source, offsetBytes, SECONDARY_MAGIC);
    if (copy?.binary !== undefined) return copy;
    damaged ??= copy;
  }
  return damaged;
}

async function readBinary(source: Source, offsetBytes: number, on: string): Promise<{ header: BinaryHeader; jsonArea: Buffer }> {
  const binary = await source.read(offsetBytes, BINARY_HEADER_BYTES);
  const header = binaryHeader.decode(binary);
  const refuse = (found: string): never => {
    throw new MkinitrdError({ tried: "reading the LUKS2 header", on, found });
  };
  if (header.version !== 2) refuse(`version is ${header.version}, known: 1, 2`);
  if (header.headerOffset !== BigInt(offsetBytes)) refuse(`it says that it is at byte ${header.headerOffset}`);
  const headerBytes = toNumber(header.headerBytes, `${on}, header size`);
  if (!HEADER_SIZES.includes(headerBytes)) refuse(`header size is ${headerBytes} bytes, it must be a power of two from 16384 to 4194304`);
  if (offsetBytes !== 0 && headerBytes !== offsetBytes) refuse(`header size is ${headerBytes} bytes, that of the first must be ${offsetBytes}`);
  if (!CHECKSUMS.includes(header.checksumAlgorithm)) {
    refuse(`checksum algorithm is ${quote(header.checksumAlgorithm)}, known: ${CHECKSUMS.join(", ")}`);
  }
  const jsonArea = await source.read(offsetBytes + BINARY_HEADER_BYTES, headerBytes - BINARY_HEADER_BYTES);
  const { offset, lengthBytes } = binaryHeader.fields.checksum;
  binary.fill(0, offset, offset + lengthBytes);
  const checksum = createHash(header.checksumAlgorithm).update(binary).update(jsonArea).digest();
  const stored = header.checksum.subarray(0, checksum.length);
  if (!checksum.equals(stored)) refuse(`checksum is ${short(checksum)}, the header says ${short(stored)}`);
  if (!isUuid(header.uuid)) refuse(`UUID is ${quote(header.uuid)}`);
  return { header, jsonArea };
}

const short = (checksum: Buffer): string => `0x${checksum.toString("hex", 0, 8)}…`;

interface Valid {
  header: BinaryHeader;
  metadata: Luks2Metadata;
}

function choose(primary: Copy | undefined, secondary: Copy | undefined): { used: Valid | undefined; damage: string[] } {
  const first = validOf(primary);
  const second = validOf(secondary);
  if (first === undefined) {
    return { used: second, damage: [`primary header damaged, the secondary was used: ${reason(primary)}`] };
  }
  if (second === undefined) return { used: first, damage: [`secondary header damaged: ${reason(secondary)}`] };
  const [a, b] = [first.header.seqid, second.header.seqid];
  if (a < b) return { used: second, damage: [`primary header is older, the secondary was used: epoch ${a}, the other has ${b}`] };
  return { used: first, damage: a > b ? [`secondary header is older: epoch ${b}, the primary has ${a}`] : [] };
}

function validOf(copy: Copy | undefined): Valid | undefined {
  if (copy?.binary === undefined || copy.metadata === undefined) return undefined;
  return { header: copy.binary.header, metadata: copy.metadata };
}

const reason = (copy: Copy | undefined): string => copy?.problem?.found ?? "it has no signature";

function checkRoom(source: Source, headerBytes: number, { config }: Luks2Metadata): void {
  const neededBytes = 2 * headerBytes + config.keyslotsBytes;
  if (neededBytes <= source.sizeBytes) return;
  throw new MkinitrdError({
    tried: "reading the LUKS2 header",
    on: source.name,
    found: `header and keyslots take ${neededBytes} bytes, there are ${source.sizeBytes}`,
    next: "check that the disk or image file is whole",
  });
}
