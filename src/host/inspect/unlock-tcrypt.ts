import { closeSync, openSync, readSync } from "node:fs";
import type { Source } from "../../core/binary/source.ts";
import { SECTOR_BYTES } from "../../core/binary/source.ts";
import { MkinitrdError } from "../../core/errors.ts";
import { HASH_NAMES, type Kdf, KDFS } from "../../core/formats/truecrypt-kdf.ts";
import { withKeyFiles } from "../../core/formats/truecrypt-keyfiles.ts";
import { CIPHER_NAMES } from "../../core/tcrypt/header-cipher.ts";
import { findHeader, type FoundHeader, hasTcryptHash } from "../../core/tcrypt/header-search.ts";
import { openTcrypt } from "../../core/tcrypt/payload.ts";
import { planTrials, type Trial } from "../../core/tcrypt/places.ts";
import type { Content, Volume } from "../../core/volumes/types.ts";
import { exec } from "../exec.ts";
import { describeIoError } from "../read-text.ts";
import { askCryptsetup } from "./ask-cryptsetup.ts";
import type { Opened, Unlocker } from "./unlock.ts";
import type { TcryptWish } from "./wishes.ts";

/** As udisks calls such a volume; blkid has no word for what has no signature. */
const TYPE = "crypto_TCRYPT";
/** Of each key file no more is used; VeraCrypt documentation, "Keyfiles". */
const KEY_FILE_BYTES = 1024 * 1024;

/**
 * The TrueCrypt or VeraCrypt volume that somebody has named, opened under the name that the boot would give it, and what it turned out to
 * be; undefined when nobody has a passphrase. `disk` is the one that a partition of system encryption lies on.
 */
export async function unlockTcrypt(volume: Volume, source: Source, wish: TcryptWish, unlocker: Unlocker, disk?: Volume): Promise<(Opened & { content: Content }) | undefined> {
  const { options } = wish;
  checkComputable(volume, wish);
  const headers = options.system === false ? source : disk?.source;
  const startBytes = volume.partition?.startBytes;
  if (headers === undefined || (options.system !== false && startBytes === undefined)) throw failure(volume, "system encryption has its header on the disk, and this volume is no partition of one", "name the partition: --tcrypt DISK:NUMBER,system");
  const keyFiles: Buffer[] = [];
  let found: FoundHeader | undefined;
  try {
    for (const file of options.keyFiles) keyFiles.push(readKeyFile(file));
    found = await search(volume, headers, wish, keyFiles, unlocker);
    if (found === undefined) return undefined;
    const place = volume.path ?? volume.name;
    const name = `tcrypt-${place.replace(/^\/dev\/(mapper\/)?/, "").replaceAll(/[^A-Za-z0-9#+.=@_-]/g, "-")}${found.place.startsWith("hidden") ? "-hidden" : ""}`; // the outer one may be open beside it
    const opened = openTcrypt(found, { path: place, source }, name, options.system === false ? undefined : startBytes! / SECTOR_BYTES);
    return {
      secrets: opened.keys, tables: opened.tables.map((table) => ({ ...table, of: name })),
      device: { path: opened.source.name, source: opened.source, below: [place], dm: { name, uuid: `CRYPT-TCRYPT-${name}` }, openedBy: { kind: "tcplay", options: stageOptions(wish, found) } },
      content: { type: TYPE, version: found.header.type === "truecrypt" ? "TrueCrypt" : "VeraCrypt", ...(found.damage.length === 0 ? {} : { damage: found.damage }) },
    };
  } finally {
    found?.header.keys.fill(0);
    for (const key of keyFiles) key.fill(0);
  }
}

/** What would never open here is said before anybody types. */
function checkComputable(volume: Volume, { options: { cipher, hash } }: TcryptWish): void {
  if (hash !== undefined && !hasTcryptHash(hash)) throw failure(volume, `the hash ${HASH_NAMES[hash]} can't be computed here; known: ${computable().join(", ")}`, ELSEWHERE);
  if (cipher !== undefined && !CIPHER_NAMES.includes(cipher)) throw failure(volume, `the cipher ${cipher} can't be computed here; known: ${CIPHER_NAMES.join(", ")}`, ELSEWHERE);
}

const ELSEWHERE = "where the kernel has it: cryptsetup open --type tcrypt --readonly DEVICE NAME, and --veracrypt-pim, --key-file, --tcrypt-hidden as they are needed";
const computable = (): string[] => [...new Set(KDFS.map(({ hash }) => hash))].filter(hasTcryptHash).map((hash) => HASH_NAMES[hash]);

async function search(volume: Volume, headers: Source, { options }: TcryptWish, keyFiles: readonly Buffer[], { ask, askPim, attempts, onlyKeyFiles, passphrases, say }: Unlocker): Promise<FoundHeader | undefined> {
  // One that was typed for another volume is tried where that does not take a person's patience.
  const known = options.type === "truecrypt" && options.pim !== "ask" && !options.noPassphrase ? [...passphrases] : [];
  let silence: string | undefined;
  for (let attempt = 1 - known.length; ; attempt++) {
    const typed = options.noPassphrase ? Buffer.alloc(0) : attempt <= 0 ? known.shift()! : await ask(volume, attempt, "header");
    if (typed === undefined && onlyKeyFiles) throw nothingOpens(volume, planTrials({ ...options, pim: undefined }), false, silence);
    if (typed === undefined) return undefined;
    if (attempt > 0 && !options.noPassphrase) passphrases.push(typed);
    const pim = options.pim === "ask" ? await askPim(volume) : options.pim;
    const trials = planTrials({ ...options, pim });
    const mixed = withKeyFiles(typed, keyFiles);
    try {
      const found = await findHeader(headers, mixed, trials, { cipher: options.cipher, say: (about) => say(`${volume.name}: ${about}`) });
      if (found !== undefined) return found;
    } finally {
      mixed.fill(0);
      say(undefined);
    }
    if (attempt > 0 && silence === undefined) {
      const asked = await askCryptsetup(exec, headers, { ...options, pim }, typed, (about) => say(about && `${volume.name}: ${about}`)).finally(() => say(undefined));
      if (asked.header !== undefined) throw failure(volume, `cryptsetup opens its header (${asked.header}), and it can't be read here`, ELSEWHERE);
      silence = asked.silence;
    }
    if (attempt === attempts || options.noPassphrase) throw nothingOpens(volume, trials, options.noPassphrase, silence);
  }
}

function nothingOpens(volume: Volume, trials: readonly Trial[], noPassphrase: boolean, silence: string | undefined): MkinitrdError {
  const names = (list: readonly Kdf[]) => [...new Set(list.filter(({ hash }) => hasTcryptHash(hash)).map(({ hash, type }) => `${HASH_NAMES[hash]}${hash === "whirlpool" && type === "truecrypt" ? " of TrueCrypt" : ""}`))];
  const tried = names(trials.map(({ kdf }) => kdf));
  const lacking = [...new Set(trials.map(({ kdf }) => kdf.hash))].filter((hash) => !hasTcryptHash(hash)).map((hash) => HASH_NAMES[hash]);
  return failure(volume, `no header opens with ${noPassphrase ? "the key files" : "this passphrase"}; tried ${tried.join(", ")} with ${CIPHER_NAMES.join(", ")}${lacking.length === 0 ? "" : `, and not ${lacking.join(", ")}`}`,
    `check the keyboard layout, PIM, key files, and the volume's name; VeraCrypt's Whirlpool is tried where hash=whirlpool names it; Kuznyechik${lacking.length === 0 ? "" : ` and ${lacking.join(", ")}`} can't be computed here: ${ELSEWHERE}${silence === undefined ? "" : `; cryptsetup was asked for what it is, and said: ${silence}`}`);
}

/** For the realroot: what was found out makes the boot's search short. */
function stageOptions({ given, options }: TcryptWish, { hash, header, place }: FoundHeader): NonNullable<Opened["device"]["openedBy"]>["options"] {
  const isCopy = place === "backup" || place === "hiddenBackup";
  return {
    ...given, type: header.type, hash,
    ...(options.hidden === "auto" && place.startsWith("hidden") ? { hidden: "yes" } : {}),
    ...(isCopy ? { backup: true as const } : {}),
    ...(options.system === false ? {} : { system: true as const }), // by the disk's own name here nobody finds it there
  };
}

/** The part of a key file that is used. */
function readKeyFile(file: string): Buffer {
  const bytes = Buffer.alloc(KEY_FILE_BYTES);
  try {
    const descriptor = openSync(file, "r");
    try {
      let length = 0;
      for (let read = -1; read !== 0 && length < bytes.length; length += read) read = readSync(descriptor, bytes, length, bytes.length - length, null);
      if (length === 0) throw new Error("it is empty");
      return Buffer.from(bytes.subarray(0, length));
    } finally {
      closeSync(descriptor);
      bytes.fill(0);
    }
  } catch (cause) {
    throw new MkinitrdError({ tried: "reading the key file", on: file, found: describeIoError(cause), cause });
  }
}

function failure(volume: Volume, found: string, next: string): MkinitrdError {
  return new MkinitrdError({ tried: "opening the TrueCrypt or VeraCrypt volume", on: volume.name, found, next });
}
