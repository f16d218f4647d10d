import { quote } from "../quote.ts";
import type { Stage } from "./types.ts";

/** What an entry's key and options ask for, in a stage's words. */
export interface EntryOptions {
  kind: "crypt" | "tcplay";
  options: Stage["options"];
  warnings: string[];
}

/** crypttab's words for what a `crypt` stage has, too. */
const CRYPT: Record<string, string> = {
  discard: "discard", "allow-discards": "discard", readonly: "readonly", "read-only": "readonly",
  "no-read-workqueue": "no-read-workqueue", "no-write-workqueue": "no-write-workqueue",
  "same-cpu-crypt": "same-cpu-crypt", "submit-from-crypt-cpus": "submit-from-crypt-cpus",
  "keyfile-offset": "keyfile-offset", "keyfile-size": "keyfile-size", "keyfile-timeout": "keyfile-timeout", tries: "tries",
};
/** Of them, those that need the key file. */
const OF_KEY_FILE = ["keyfile-offset", "keyfile-size", "keyfile-timeout"];
const LUKS: Record<string, string> = { header: "header", keyslot: "keyslot", "key-slot": "keyslot" };
const PLAIN: Record<string, string> = { cipher: "cipher", size: "size", hash: "hash", offset: "offset", skip: "skip", "sector-size": "sector-size" };
const TCRYPT: Record<string, [string, string | true | undefined]> = {
  "tcrypt-hidden": ["hidden", "yes"], tcrypthidden: ["hidden", "yes"],
  veracrypt: ["type", "veracrypt"], "tcrypt-veracrypt": ["type", "veracrypt"],
  "veracrypt-pim": ["pim", undefined], "tcrypt-keyfile": ["keyfile", undefined],
};
export const TYPES = ["luks", "plain", "tcrypt", "bitlk", "fvault2"];
/** What unlocks without a passphrase by means that are not here: the person is asked. */
const OTHER_KEYS = ["keyscript", "tpm2-device", "fido2-device", "pkcs11-uri"];
/** What says nothing about how a volume is opened, or nothing to an early boot. */
const IGNORED = [
  "none", "auto", "noauto", "nofail", "_netdev", "initramfs", "noearly", "loud", "quiet", "verify", "check", "checkargs", "precheck", "force", "timeout", "swap", "tmp",
  "password-echo", "password-cache", "try-empty-password", "headless", "token-timeout", "keyfile-erase", "link-volume-key",
  "tpm2-pcrs", "tpm2-pin", "tpm2-signature", "tpm2-measure-pcr", "tpm2-measure-bank", "fido2-cid", "fido2-rp", "integrity", "sector-size",
];
const SYSTEM = ["tcrypt-system", "tcryptsystem"];

export const KNOWN_OPTIONS = [...new Set([CRYPT, LUKS, PLAIN, TCRYPT].flatMap(Object.keys).concat(TYPES, OTHER_KEYS, IGNORED, SYSTEM))];

/** Reads the key and the options of an entry; the reason where it is of a kind that is not opened here. */
export function readOptions(words: string[], key: string): EntryOptions | { reason: string } {
  const given = new Map<string, string | true>(words.map((word): [string, string | true] => {
    const equals = word.indexOf("=");
    return equals < 0 ? [word, true] : [word.slice(0, equals), word.slice(equals + 1)];
  }));
  const type = TYPES.find((each) => given.has(each)) ?? (given.has("cipher") && given.has("size") ? "plain" : "luks");
  if (type === "bitlk" || type === "fvault2") return { reason: `${type} volumes are not opened here` };
  const options = new Map<string, string | true>();
  const warnings: string[] = [];
  readKey(given, key, options, warnings);
  if (type === "tcrypt") return readTcrypt(given, options, warnings);
  if (type === "plain") options.set("type", "plain");
  const table = { ...CRYPT, ...(type === "plain" ? PLAIN : LUKS) };
  for (const [word, value] of given) {
    const option = Object.hasOwn(table, word) ? table[word]! : undefined;
    if (option === undefined || options.has(option) || (OF_KEY_FILE.includes(option) && !options.has("keyfile"))) continue;
    options.set(option, translate(option, value));
  }
  return { kind: "crypt", options: Object.fromEntries(options), warnings };
}

function readTcrypt(given: Map<string, string | true>, options: Map<string, string | true>, warnings: string[]): EntryOptions | { reason: string } {
  const system = SYSTEM.find((word) => given.has(word));
  if (system !== undefined) return { reason: `${system} does not say which disk; write a realroot spec of the kind tcplay` };
  for (const [word, value] of given) {
    const [option, fixed] = Object.hasOwn(TCRYPT, word) ? TCRYPT[word]! : [];
    if (option === undefined) continue;
    if (options.has(option)) return { reason: `more than one ${option}; write a realroot spec of the kind tcplay` };
    options.set(option, fixed ?? value);
  }
  return { kind: "tcplay", options: Object.fromEntries(options), warnings };
}

/** The third field: nothing, a file, systemd's `FILE:DEVICE`, or what a keyscript gets. */
function readKey(given: Map<string, string | true>, key: string, options: Map<string, string | true>, warnings: string[]): void {
  const other = OTHER_KEYS.find((word) => given.has(word));
  // Debian's passdev: DEVICE:FILE[:SECONDS], cryptsetup's README.Debian.
  const [, device, file, seconds] = String(given.get("keyscript") ?? "").endsWith("passdev") ? (/^(\/dev\/[^:]+):([^:]+)(?::(\d+))?$/.exec(key) ?? []) : [];
  if (device !== undefined && file !== undefined) {
    options.set("keyfile", `${file.startsWith("/") ? "" : "/"}${file}@${device}`);
    if (seconds !== undefined) options.set("keyfile-timeout", seconds);
    return;
  }
  if (other !== undefined) warnings.push(`${other} is not used here, the passphrase is asked for`);
  if (["", "none", "-"].includes(key) || other === "keyscript") return;
  const onDevice = /^(\/.*):((?:UUID|LABEL|PARTUUID|PARTLABEL)=.+|\/dev\/.+)$/.exec(key);
  if (onDevice !== null) options.set("keyfile", `${onDevice[1]}@${onDevice[2]}`);
  else if (key.startsWith("/") && !key.includes("@")) options.set("keyfile", key);
  else warnings.push(`the key file ${quote(key)} can't be read here, the passphrase is asked for`);
}

function translate(option: string, value: string | true): string | true {
  if (option !== "keyfile-timeout" || value === true) return value;
  const [, count, unit = "s"] = /^(\d{1,6}) ?(s|sec|m|min)?$/.exec(value) ?? []; // systemd.time(7)
  return count === undefined ? value : String(Number(count) * (unit.startsWith("m") ? 60 : 1));
}
