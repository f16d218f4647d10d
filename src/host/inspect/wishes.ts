import { resolve } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";
import { quote } from "../../core/quote.ts";
import { decodePart } from "../../core/realroot/percent.ts";
import type { Stage } from "../../core/realroot/types.ts";
import { readTcryptOptions, type TcryptOptions } from "../../core/tcrypt/options.ts";

/** A TrueCrypt or VeraCrypt volume to open: nothing on a disk says what is one. */
export interface TcryptWish {
  /** As `inspect` shows it, or UUID= and its like. */
  volume: string;
  options: TcryptOptions;
  /** As a realroot spec has them, for the one that boots it. */
  given: Stage["options"];
}

/** A LUKS volume whose header is elsewhere. */
export interface HeaderWish {
  volume: string;
  /** A volume of the disks, or a file. */
  header: string;
}

/** Of the kind tcplay those that say what to read; what is opened here is only read. */
const KNOWN = ["backup", "cipher", "hash", "hidden", "keyfile", "no-passphrase", "pim", "system", "type"];
const TAG = /^(UUID|LABEL|PARTUUID|PARTLABEL|SERIAL)=/;

/** Reads `VOLUME[,OPTION…]`: the options are those of the realroot kind tcplay, in the same words. Throws for one that is none. */
export function parseTcryptWish(text: string): TcryptWish {
  const [volume = "", ...words] = text.split(",").map((part) => decode(text, part));
  if (volume === "") throw wishError("--tcrypt", text, "it names no volume", "write --tcrypt VOLUME[,OPTION…], VOLUME as mkinitrd inspect shows it");
  const given: Stage["options"] = {};
  for (const word of words) {
    const [, key = "", , value] = /^([^=]*)(=(.*))?$/s.exec(word) ?? [];
    if (!KNOWN.includes(key)) {
      const meant = nearest(key, KNOWN);
      throw wishError("--tcrypt", text, `the option ${quote(key)}; known: ${KNOWN.join(", ")}`, meant === undefined ? "write a comma inside a name as %2C" : `did you mean ${meant}?`);
    }
    const before = given[key];
    if (before !== undefined && (key !== "keyfile" || value === undefined)) throw wishError("--tcrypt", text, `the option ${quote(key)} is there twice`);
    const read = key === "keyfile" && value !== undefined ? resolve(value) : (value ?? true);
    given[key] = before === undefined ? read : `${String(before)}\n${String(read)}`;
  }
  const options = readTcryptOptions(given);
  if ("reason" in options) throw wishError("--tcrypt", text, `the option ${options.key}: ${options.reason}`, options.next);
  return { volume, options, given };
}

/** Reads `VOLUME=FILE`; the `=` of a tag belongs to the volume. */
export function parseHeaderWish(text: string): HeaderWish {
  const from = TAG.exec(text)?.[0].length ?? 0;
  const equals = text.indexOf("=", from);
  if (equals <= from || equals === text.length - 1) throw wishError("--header", text, "it is no VOLUME=FILE", "write --header disk.img:2=header.img, or a volume in the file's place: PARTLABEL=data=PARTLABEL=header");
  return { volume: text.slice(0, equals), header: text.slice(equals + 1) };
}

/** Reads the number of a keyslot; LUKS2 has 32. */
export function parseKeySlot(text: string): number {
  const number = /^\d{1,2}$/.test(text) ? Number(text) : Infinity;
  if (number > 31) throw wishError("--key-slot", text, "it is no number from 0 to 31", "cryptsetup luksDump lists the keyslots");
  return number;
}

function decode(text: string, part: string): string {
  const decoded = decodePart(part);
  if ("reason" in decoded) throw wishError("--tcrypt", text, decoded.reason);
  return decoded.text;
}

function wishError(option: string, text: string, found: string, next?: string): MkinitrdError {
  return new MkinitrdError({ tried: "reading the command line", on: `${option} ${quote(text)}`, found, ...(next === undefined ? {} : { next }) });
}
