import { KDFS } from "../../core/formats/truecrypt-kdf.ts";
import type { Stage } from "../../core/realroot/types.ts";
import { readTcryptOptions, type TcryptOptions } from "../../core/tcrypt/options.ts";
import { type DeviceName, parseDevice } from "../../core/volumes/match.ts";
import type { Content, TcryptContent, VeracryptContent } from "../qemu/recipe.ts";
import { parseArray } from "./arrays.ts";
import { type Container, refuse, refuseTags, TEST_PASSPHRASE } from "./contents.ts";
import { parseNode } from "./disk-node.ts";
import { MIB } from "./sizes.ts";

/** What is typed where a PIM is asked for. */
export const TEST_PIM = 1;
/** Of TrueCrypt; the tcplay program makes them. */
const CIPHERS = ["aes", "serpent", "twofish", "aes-twofish", "aes-twofish-serpent", "serpent-aes", "serpent-twofish-aes", "twofish-serpent"];
/** Hashes of headers that are written here. */
const OWN_HASHES = ["sha512", "sha256", "ripemd160"];
const OUTER_PASSPHRASE = "the outer volume of the copy";
/** Of a hidden volume that is protected. */
export const HIDDEN_PASSPHRASE = "the hidden volume of the copy";
const HIDDEN_BYTES = 2 * MIB;

/** The volume that a stage of the kind tcplay opens, as TrueCrypt or VeraCrypt; `key` gives the text of the copy's file of that name. */
export function tcryptCopy(stage: Stage, inner: Content | undefined, key: (place: string) => string): Container {
  const options = readTcryptOptions(stage.options);
  if ("reason" in options) throw refuse(stage, `the option ${options.key}: ${options.reason}`);
  refuseTags(stage, "a TrueCrypt volume");
  const keyfiles = options.keyFiles.map(key);
  const passphrase = options.noPassphrase ? "" : TEST_PASSPHRASE;
  const isVeracrypt = (options.type ?? typeOf(options)) === "veracrypt";
  if (isVeracrypt || options.system !== false) return ownHeaders(stage, options, { passphrase, keyfiles, isVeracrypt }, inner);
  return byTcplay(stage, options, { passphrase, keyfiles, hiddenKeyfiles: options.hiddenKeyFiles.map(key) }, inner);
}

/** Where the spec says nothing of it: TrueCrypt, which is looked for first, where it has the hash. */
function typeOf({ hash }: TcryptOptions): "truecrypt" | "veracrypt" {
  return hash === undefined || KDFS.some((kdf) => kdf.type === "truecrypt" && kdf.hash === hash) ? "truecrypt" : "veracrypt";
}

function byTcplay(stage: Stage, { hash = "sha512", cipher = "aes", hidden, protectHidden, backup }: TcryptOptions, { passphrase, keyfiles, hiddenKeyfiles }: { passphrase: string; keyfiles: string[]; hiddenKeyfiles: string[] }, content: Content | undefined): Container {
  if (hash !== "ripemd160" && hash !== "sha512" && hash !== "whirlpool") throw refuse(stage, `a TrueCrypt volume with the hash ${hash} can't be made here; known: ripemd160, sha512, whirlpool`);
  if (!CIPHERS.includes(cipher)) throw refuse(stage, `a TrueCrypt volume with the cipher ${cipher} can't be made here; known: ${CIPHERS.join(", ")}`);
  const volume = { passphrase, cipher: cipher.split("-").reverse().join("-"), hash, keyfiles };
  const destroy = backup ? "primary" as const : undefined;
  if (hidden !== "yes") {
    const beside = { ...volume, passphrase: HIDDEN_PASSPHRASE, keyfiles: hiddenKeyfiles, content: undefined, sizeBytes: HIDDEN_BYTES };
    const outer: TcryptContent = { kind: "tcrypt", ...volume, content, destroy, hidden: protectHidden ? beside : undefined, isProtected: protectHidden };
    return { content: outer, holder: outer };
  }
  const holder = { ...volume, content, sizeBytes: 0 };
  return { content: { kind: "tcrypt", ...volume, passphrase: OUTER_PASSPHRASE, keyfiles: [], content: undefined, destroy, hidden: holder, isProtected: false }, holder };
}

/** VeraCrypt, and system encryption of both: no program of a Debian makes them. */
function ownHeaders(stage: Stage, options: TcryptOptions, { passphrase, keyfiles, isVeracrypt }: { passphrase: string; keyfiles: string[]; isVeracrypt: boolean }, content: Content | undefined): Container {
  const { hash = isVeracrypt ? "sha512" : "ripemd160", cipher = "aes", pim, hidden, system, backup } = options;
  const what = `a ${isVeracrypt ? "VeraCrypt volume" : "TrueCrypt system"}`;
  if (!OWN_HASHES.includes(hash)) throw refuse(stage, `${what} with the hash ${hash} can't be made here; known: ${OWN_HASHES.join(", ")}`);
  if (cipher !== "aes") throw refuse(stage, `${what} with the cipher ${cipher} can't be made here; known: aes`);
  if (backup && !isOfKnownSize(parseDevice(stage.device))) throw refuse(stage, `${what} for the option backup can't be made here inside of another one or on an array: its copy of the header lies at the end of what is there`);
  const volume: VeracryptContent = {
    kind: "veracrypt", type: isVeracrypt ? "veracrypt" : "truecrypt", system: system !== false, sizeBytes: 0, claimedBytes: undefined,
    passphrase, hash: hash as VeracryptContent["hash"], pim: pim === "ask" ? TEST_PIM : pim, keyfiles, hidden: hidden === "yes", content,
  };
  return { content: volume, holder: volume };
}

/** A container or an array keeps some of its device to itself, and how much only its maker knows. */
function isOfKnownSize(device: DeviceName): boolean {
  if (parseArray(device) !== undefined) return false;
  return ["partlabel", "partuuid", "lv"].includes(device.by) || (device.by === "path" && parseNode(device.path) !== undefined);
}
