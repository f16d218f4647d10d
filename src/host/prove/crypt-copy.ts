import { type CryptOptions, parseCryptOptions } from "../../core/crypt/options.ts";
import type { Stage } from "../../core/realroot/types.ts";
import { parseDevice } from "../../core/volumes/match.ts";
import type { Content, LuksContent } from "../qemu/recipe.ts";
import { type Container, refuse, refuseTags, TEST_PASSPHRASE, uuidOf } from "./contents.ts";
import { MIB } from "./sizes.ts";

/** What dm-crypt of the machine that makes the disks has; others take drivers that it has not. */
const PLAIN_CIPHER = /^(aes|serpent|twofish)-(xts-plain(64)?|cbc-plain(64)?|cbc-essiv:sha256|ecb)$/;
const PLAIN_HASH = /^(plain|sha1|sha224|sha256|sha384|sha512|ripemd160|whirlpool)$/;

/** Where the keys and headers of a copy lie, which the places of the layout know. */
export interface CryptPlaces {
  /** The key in the copy's file of that name; undefined where the image has no such file and asks for the passphrase. */
  key(place: string, part: { offsetBytes?: number | undefined; sizeBytes?: number | undefined }): string | undefined;
  /** Makes room for a detached header; gives its name. */
  header(place: string): string;
}

/** The volume that a stage of the kind crypt opens: LUKS, its header detached or not, or plain dm-crypt. */
export function cryptCopy(stage: Stage, inner: Content | undefined, places: CryptPlaces): Container {
  const options = parseCryptOptions(stage.options);
  if ("reason" in options) throw refuse(stage, `the option ${options.key}: ${options.reason}`);
  const content = options.type === "plain" ? plain(stage, options, inner, places) : luks(stage, options, inner, places);
  return { content, holder: content };
}

function luks(stage: Stage, { keyFile, keyslot, header }: CryptOptions, content: Content | undefined, places: CryptPlaces): LuksContent {
  const isFirst = stage.options["type"] === "luks1";
  if (header !== undefined) refuseTags(stage, "the payload of a detached header");
  const named = parseDevice(header ?? stage.device);
  if (isFirst && named.by === "label") throw refuse(stage, "LUKS1 has no label");
  return {
    kind: "luks", version: isFirst ? 1 : 2, passphrase: (keyFile && places.key(keyFile.place, keyFile)) ?? TEST_PASSPHRASE, uuid: uuidOf(stage, named), label: named.by === "label" ? named.value : undefined,
    cipher: undefined, keyBits: undefined, keyslot, header: header === undefined ? undefined : places.header(header), content,
    pbkdf: isFirst ? { type: "pbkdf2", iterations: 1000, memoryBytes: 32 * MIB, threads: 1 } : { type: "argon2id", iterations: 4, memoryBytes: 32 * MIB, threads: 1 },
  };
}

function plain(stage: Stage, { plain: given, keyFile }: CryptOptions, content: Content | undefined, places: CryptPlaces): Content & { content: Content | undefined } {
  refuseTags(stage, "a plain volume");
  const { cipher, keyBits, hash, offsetSectors, skipSectors, sectorBytes } = given!;
  if (!PLAIN_CIPHER.test(cipher)) throw refuse(stage, `a plain volume with the cipher ${cipher} can't be made here; known: aes, serpent and twofish with xts-plain64, cbc-essiv:sha256, cbc-plain64 or ecb`);
  if (!PLAIN_HASH.test(hash)) throw refuse(stage, `a plain volume with the hash ${hash} can't be made here`);
  if (offsetSectors > MOST_OFFSET_SECTORS) throw refuse(stage, `a plain volume ${offsetSectors} sectors behind the start of its device can't be made here`);
  const key = keyFile && places.key(keyFile.place, { ...keyFile, sizeBytes: keyBits / 8 });
  return { kind: "plain", passphrase: key ?? TEST_PASSPHRASE, isKey: key !== undefined, cipher, keyBits, hash, offsetSectors, skipSectors, sectorBytes, content };
}

/** 64 GiB, with holes. */
const MOST_OFFSET_SECTORS = 2 ** 27;
