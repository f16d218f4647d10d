import { toNumber } from "../binary/struct.ts";
import { member, optional, refuse, text, uint32, uint64 } from "./luks2-json.ts";
import type { Place } from "./luks2-json.ts";

/** A keyslot. LUKS2 On-Disk Format Specification 1.1.4, section 3.2. One of another type than `luks2` has no KDF. */
export interface Luks2Keyslot {
  number: number;
  type: string;
  /** Length of the key that it stores. */
  keyBytes: number;
  /** 0: used only when asked for; 1: normal; 2: tried first. */
  priority: number;
  area: { type: string; offsetBytes: number; sizeBytes: number; encryption?: string; keyBytes?: number };
  kdf?: Luks2Kdf;
  antiForensic?: { stripes: number; hash: string };
}

/** Section 3.2.5. `salt` is base64. */
export type Luks2Kdf =
  | { type: "pbkdf2"; hash: string; iterations: number; salt: string }
  | { type: "argon2i" | "argon2id"; time: number; memoryKib: number; cpus: number; salt: string }
  | { type: "unknown"; name: string };

/** Parses one keyslot of the metadata; throws MkinitrdError for what is missing in it or has another shape. */
export function parseKeyslot(number: number, place: Place): Luks2Keyslot {
  const type = text(member(place, "type"));
  const priority = optional(place, "priority");
  const common = {
    number,
    type,
    keyBytes: uint32(member(place, "key_size")),
    priority: priority === undefined ? 1 : uint32(priority),
    area: area(member(place, "area")),
  };
  if (type === "reencrypt") checkReencryption(place);
  if (type !== "luks2") return common;
  const raw = member(place, "area");
  const af = member(place, "af");
  if (common.area.type !== "raw") refuse(member(raw, "type"), `is "${common.area.type}", known: raw`);
  if (text(member(af, "type")) !== "luks1") refuse(member(af, "type"), "is not luks1, the only one known");
  return {
    ...common,
    area: { ...common.area, encryption: text(member(raw, "encryption")), keyBytes: uint32(member(raw, "key_size")) },
    kdf: kdf(member(place, "kdf")),
    antiForensic: { stripes: uint32(member(af, "stripes")), hash: text(member(af, "hash")) },
  };
}

function area(place: Place): { type: string; offsetBytes: number; sizeBytes: number } {
  const [offset, size] = [member(place, "offset"), member(place, "size")];
  return {
    type: text(member(place, "type")),
    offsetBytes: toNumber(uint64(offset), `${place.on}, ${offset.path}`),
    sizeBytes: toNumber(uint64(size), `${place.on}, ${size.path}`),
  };
}

function kdf(place: Place): Luks2Kdf {
  const type = text(member(place, "type"));
  if (type === "pbkdf2") {
    const iterations = uint32(member(place, "iterations"));
    return { type, hash: text(member(place, "hash")), iterations, salt: text(member(place, "salt")) };
  }
  if (type !== "argon2i" && type !== "argon2id") return { type: "unknown", name: type };
  return {
    type,
    time: uint32(member(place, "time")),
    memoryKib: uint32(member(place, "memory")),
    cpus: uint32(member(place, "cpus")),
    salt: text(member(place, "salt")),
  };
}

function checkReencryption(place: Place): void {
  const [mode, direction] = [member(place, "mode"), member(place, "direction")];
  if (!["reencrypt", "encrypt", "decrypt"].includes(text(mode))) refuse(mode, "is none of reencrypt, encrypt, decrypt");
  if (!["forward", "backward"].includes(text(direction))) refuse(direction, "is neither forward nor backward");
}
