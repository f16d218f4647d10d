import { SECTOR_BYTES } from "../binary/source.ts";
import { toNumber } from "../binary/struct.ts";
import { MkinitrdError } from "../errors.ts";
import { member, numbered, optional, refuse, text, texts, uint32, uint64 } from "./luks2-json.ts";
import type { Place } from "./luks2-json.ts";
import { parseKeyslot } from "./luks2-keyslot.ts";
import type { Luks2Keyslot } from "./luks2-keyslot.ts";
import { checkMetadata } from "./luks2-rules.ts";

/** What the JSON area of a LUKS2 header says. LUKS2 On-Disk Format Specification 1.1.4, section 3. */
export interface Luks2Metadata {
  keyslots: Luks2Keyslot[];
  segments: Luks2Segment[];
  digests: Luks2Digest[];
  tokens: Luks2Token[];
  config: Luks2Config;
}

/** Section 3.3. Offset and size are bytes; `dynamic` reaches to the end of the device. */
export interface Luks2Segment {
  number: number;
  type: string;
  offsetBytes: bigint;
  sizeBytes: bigint | "dynamic";
  /** `backup-final`, `in-reencryption`, …: sections 3.3 and 4.9. */
  flags: string[];
  /** Of the type `crypt`. */
  crypt?: { encryption: string; ivTweak: bigint; sectorBytes: number; integrity?: string };
}

/** Section 3.4: proves that a keyslot's key is the right one for the segments. */
export interface Luks2Digest {
  number: number;
  type: string;
  keyslots: number[];
  segments: number[];
  /** Of the type `pbkdf2`: that of the key has these bytes, in base64, as the salt. */
  pbkdf2?: { hash: string; iterations: number; salt: string; digest: string };
}

/** Section 3.6. What a token holds beside these is its type's own. */
export interface Luks2Token {
  number: number;
  type: string;
  keyslots: number[];
}

/** Section 3.5. */
export interface Luks2Config {
  jsonBytes: number;
  keyslotsBytes: number;
  flags: string[];
  /** Features without which the volume must not be opened, section 4.6: see `unknownRequirements`. */
  requirements: string[];
}

/**
 * Parses the JSON area of one header copy, zero bytes behind the text included. `on` is what errors call the disk.
 * Throws MkinitrdError for whatever cryptsetup would refuse to load (lib/luks2/luks2_json_metadata.c, LUKS2_hdr_validate);
 * what old versions left behind in a keyslot's `kdf`, and it repairs, is ignored here, too.
 */
export function parseLuks2Metadata(jsonArea: Buffer, on: string): Luks2Metadata {
  const root: Place = { value: parseJson(jsonArea, on), path: "", on };
  const metadata: Luks2Metadata = {
    keyslots: numbered(member(root, "keyslots")).map(({ number, place }) => parseKeyslot(number, place)),
    segments: numbered(member(root, "segments")).map(({ number, place }) => segment(number, place)),
    digests: numbered(member(root, "digests")).map(({ number, place }) => digest(number, place)),
    tokens: numbered(member(root, "tokens")).map(({ number, place }) => ({
      number,
      type: text(member(place, "type")),
      keyslots: references(member(place, "keyslots")),
    })),
    config: config(member(root, "config")),
  };
  checkMetadata(metadata, jsonArea.length, on);
  return metadata;
}

/** The text ends at the first zero byte, and only zeros follow. Section 2.2. */
function parseJson(jsonArea: Buffer, on: string): unknown {
  const place: Place = { value: undefined, path: "", on };
  const end = jsonArea.indexOf(0);
  if (end === -1) refuse(place, `fills all of its ${jsonArea.length} bytes, without a zero at its end`);
  const rubbish = jsonArea.subarray(end).findIndex((byte) => byte !== 0);
  if (rubbish !== -1) refuse(place, `ends at byte ${end} of the JSON area, byte ${end + rubbish} is not zero`);
  const json = jsonArea.toString("utf8", 0, end);
  if (!json.startsWith("{") || !json.endsWith("}")) refuse(place, "is no object");
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new MkinitrdError({ tried: "reading the LUKS2 metadata", on, found: "the JSON text can't be parsed", cause });
  }
}

function segment(number: number, place: Place): Luks2Segment {
  const [type, size] = [text(member(place, "type")), member(place, "size")];
  const sizeBytes = text(size) === "dynamic" ? "dynamic" : uint64(size);
  const flags = optional(place, "flags");
  if (sizeBytes === 0n) refuse(size, "is 0");
  return {
    number,
    type,
    offsetBytes: uint64(member(place, "offset")),
    sizeBytes,
    flags: flags === undefined ? [] : texts(flags),
    ...(type === "crypt" || type === "hw-opal-crypt" ? { crypt: crypt(place) } : {}),
  };
}

function crypt(place: Place): NonNullable<Luks2Segment["crypt"]> {
  const sectorSize = member(place, "sector_size");
  const sectorBytes = uint32(sectorSize);
  if (sectorBytes === 0 || sectorBytes % SECTOR_BYTES !== 0) refuse(sectorSize, `is ${sectorBytes}, it must be a multiple of 512`);
  const integrity = optional(place, "integrity");
  return {
    encryption: text(member(place, "encryption")),
    ivTweak: uint64(member(place, "iv_tweak")),
    sectorBytes,
    ...(integrity === undefined ? {} : { integrity: integrityType(integrity) }),
  };
}

function integrityType(place: Place): string {
  for (const key of ["journal_encryption", "journal_integrity"]) text(member(place, key));
  return text(member(place, "type"));
}

function digest(number: number, place: Place): Luks2Digest {
  const type = text(member(place, "type"));
  return {
    number,
    type,
    ...(type === "pbkdf2" ? pbkdf2(place) : {}),
    keyslots: references(member(place, "keyslots")),
    segments: references(member(place, "segments")),
  };
}

/** Absent where a part of it is: the header loads, and no key can be proved by this digest. */
function pbkdf2(place: Place): Pick<Luks2Digest, "pbkdf2"> {
  const [hash, iterations, salt, bytes] = ["hash", "iterations", "salt", "digest"].map((key) => optional(place, key));
  if (hash === undefined || iterations === undefined || salt === undefined || bytes === undefined) return {};
  return { pbkdf2: { hash: text(hash), iterations: uint32(iterations), salt: text(salt), digest: text(bytes) } };
}

/** Numbers of other objects, which the metadata keeps as texts. That they exist is checked with the whole. */
function references(place: Place): number[] {
  return texts(place).map((key) => (/^[0-9]{1,9}$/.test(key) ? Number(key) : refuse(place, `names "${key}", which is no number`)));
}

function config(place: Place): Luks2Config {
  const [jsonSize, keyslotsSize] = [member(place, "json_size"), member(place, "keyslots_size")];
  const [flags, requirements] = [optional(place, "flags"), optional(place, "requirements")];
  const mandatory = requirements === undefined ? undefined : optional(requirements, "mandatory");
  return {
    jsonBytes: toNumber(uint64(jsonSize), `${place.on}, ${jsonSize.path}`),
    keyslotsBytes: toNumber(uint64(keyslotsSize), `${place.on}, ${keyslotsSize.path}`),
    flags: flags === undefined ? [] : texts(flags),
    requirements: mandatory === undefined ? [] : texts(mandatory),
  };
}
