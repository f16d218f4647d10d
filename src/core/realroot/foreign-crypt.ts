import { quote } from "../quote.ts";
import { splitOptions, translateCrypttabOptions } from "./crypttab-options.ts";
import { normalizeDevice } from "./device.ts";
import { checkMapname, optionKeys } from "./stage.ts";
import type { KindSyntax, KindTable, Stage } from "./types.ts";

/** What other tools' words say of encrypted volumes, as far as they are read. */
export interface CryptWords {
  /** In the order of the command line. */
  volumes: NamedVolume[];
  /** `rd.luks.name=`, `.options=`, `.key=`: by UUID, or under the empty text for all that have none of their own. */
  names: Map<string, string>;
  options: Map<string, string>;
  keys: Map<string, string>;
  /** `cryptkey=`, of those that `cryptdevice=` names. */
  cryptkey?: string;
  /** `rd.luks=0`: none of systemd's and dracut's words counts. */
  off: boolean;
}

interface NamedVolume {
  /** The word that names it, for a warning. */
  word: string;
  device: string;
  /** Lower case, for `rd.luks.*`. */
  uuid?: string;
  name?: string;
  /** As crypttab writes them. */
  options?: string;
  keyfile?: string;
}

/** Takes a word's value; gives the reason why it can't be used, if so. */
type Reader = (words: CryptWords, value: string) => string | undefined;

export const noCryptWords = (): CryptWords => ({ volumes: [], names: new Map(), options: new Map(), keys: new Map(), off: false });

const UUID = /^(?:luks-)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;
const NO_UUID = "it is no whole UUID; `cryptsetup luksUUID` and blkid show it";

/** systemd-cryptsetup-generator(8) and dracut.cmdline(7); each also without `rd.`, as systemd has it. */
const LUKS_READERS: Record<string, Reader> = {
  "luks.uuid": (words, value) => addByUuid(words, `rd.luks.uuid=${quote(value)}`, value),
  "luks.name": (words, value) => {
    const [, uuid, name] = /^([^=]*)=(.*)$/s.exec(value) ?? [];
    if (uuid === undefined || name === undefined) return "write UUID=NAME";
    const problem = checkMapname(name) ?? addByUuid(words, `rd.luks.name=${quote(value)}`, uuid);
    if (problem === undefined) words.names.set(readUuid(uuid) ?? "", name);
    return problem;
  },
  "luks.options": (words, value) => {
    const { uuid, rest } = splitUuid(value);
    words.options.set(uuid, rest);
    return undefined;
  },
  "luks.key": readLuksKey,
  "luks.timeout": () => undefined, // a prompt waits for as long as the person needs
  luks: (words, value) => {
    words.off = /^(0|no|off|false)$/i.test(value);
    return undefined;
  },
};

export const CRYPT_WORDS: Record<string, Reader> = {
  ...Object.fromEntries(Object.entries(LUKS_READERS).flatMap(([word, read]) => [[word, read], [`rd.${word}`, read]])),
  "rd.luks.partuuid": (words, value) => addByTag(words, "rd.luks.partuuid", "PARTUUID", value),
  "rd.luks.serial": (words, value) => addByTag(words, "rd.luks.serial", "SERIAL", value),
  "rd.luks.allow-discards": (words, value) => {
    const uuid = readUuid(value);
    if (value !== "" && value !== "1" && uuid === undefined) return NO_UUID;
    const before = words.options.get(uuid ?? "");
    words.options.set(uuid ?? "", before === undefined ? "discard" : `${before},discard`);
    return undefined;
  },
  // mkinitcpio's encrypt hook.
  cryptdevice: (words, value) => {
    const [device = "", name = "", options = "", ...more] = value.split(":");
    if (more.length > 0) return "write DEVICE:NAME:OPTIONS";
    if (device === "") return "no device behind it";
    if (name === "") return "no name behind the device; write DEVICE:NAME";
    const problem = checkMapname(name);
    if (problem === undefined) words.volumes.push({ word: `cryptdevice=${quote(value)}`, device, name, options });
    return problem;
  },
  cryptkey: (words, value) => {
    words.cryptkey = value;
    return undefined;
  },
  // Debian's cryptsetup-initramfs.
  cryptopts: (words, value) => {
    const parts = value.split(",");
    const take = (key: string) => parts.find((part) => part.startsWith(`${key}=`))?.slice(key.length + 1);
    const [device, name = "cryptroot", keyfile] = [take("source"), take("target"), take("key")];
    if (!device) return "no source= in it";
    const problem = checkMapname(name);
    if (problem !== undefined) return problem;
    const options = parts.filter((part) => !/^(source|target|key)=/.test(part)).join(",");
    words.volumes.push({ word: `cryptopts=${quote(value)}`, device, name, options, ...(keyfile === undefined || keyfile === "none" ? {} : { keyfile }) });
    return undefined;
  },
};

/** The stages that open what the words name, in their order, each volume once. `warn` gets what can't be used of them. */
export function cryptStages(words: CryptWords, kinds: KindTable, warn: (text: string) => void): Stage[] {
  const stages: Stage[] = [];
  for (const volume of words.volumes) {
    if (volume.uuid !== undefined && words.off) continue;
    const syntax = Object.hasOwn(kinds, "crypt") ? kinds["crypt"] : undefined;
    if (syntax === undefined) {
      warn(`${volume.word}: this image does not serve the kind crypt`);
      continue;
    }
    const device = normalizeDevice("crypt", volume.device);
    if ("reason" in device || hasControl(device.text)) {
      warn(`${volume.word}: ${"reason" in device ? device.reason : "it holds a control character"}`);
    } else if (!stages.some((stage) => stage.device === device.text)) {
      const name = volume.uuid === undefined ? volume.name : (words.names.get(volume.uuid) ?? `luks-${volume.uuid}`);
      const options = stageOptions(volume, words, syntax, (reason) => warn(`${volume.word}: ${reason}`));
      stages.push({ kind: "crypt", fstype: "none", device: device.text, ...(name === undefined ? {} : { name }), options, mountOptions: [] });
    }
  }
  return stages;
}

function stageOptions(volume: NamedVolume, words: CryptWords, syntax: KindSyntax, warn: (reason: string) => void): Stage["options"] {
  const known = optionKeys(syntax);
  const systemd = volume.uuid === undefined ? undefined : ofVolume(words.options, volume.uuid);
  const key = keyOf(volume, words);
  const hasKey = key !== undefined && !("reason" in key) && Object.keys(key).every((option) => known.includes(option));
  const { options, problems } = translateCrypttabOptions(splitOptions(volume.options ?? systemd ?? ""), known, hasKey);
  problems.forEach(warn);
  if (hasKey) return { ...key, ...options };
  if (key !== undefined) warn("reason" in key ? `${key.reason}; the passphrase is asked for` : "crypt in this image reads no key files; the passphrase is asked for");
  return options;
}

function ofVolume(map: Map<string, string>, uuid: string): string | undefined {
  return map.get(uuid) ?? map.get("");
}

type Key = Record<string, string> | { reason: string };

function keyOf(volume: NamedVolume, words: CryptWords): Key | undefined {
  const { keyfile, uuid, word } = volume;
  if (keyfile !== undefined) return placed(keyfile);
  if (uuid !== undefined) {
    const key = ofVolume(words.keys, uuid);
    return key === undefined ? undefined : readKeyPlace(key);
  }
  return words.cryptkey === undefined || !word.startsWith("cryptdevice=") ? undefined : readCryptkey(words.cryptkey);
}

/** `PATH` or `PATH:DEVICE`, as dracut and systemd both have it. */
function readKeyPlace(text: string): Key {
  const colon = text.indexOf(":");
  return colon < 0 ? placed(text) : placed(text.slice(0, colon), text.slice(colon + 1));
}

/** `rootfs:PATH`, `DEVICE:FSTYPE:PATH` or `DEVICE:OFFSET:SIZE`, in bytes. */
function readCryptkey(text: string): Key {
  const [device = "", second = "", third = "", ...more] = text.split(":");
  if (device === "rootfs" && second !== "" && third === "") return placed(second);
  if (more.length > 0 || third === "") return { reason: "cryptkey is none of rootfs:PATH, DEVICE:FSTYPE:PATH, DEVICE:OFFSET:SIZE" };
  if (!/^\d+$/.test(second)) return placed(third.startsWith("/") ? third : `/${third}`, device);
  if (!/^\d+$/.test(third)) return { reason: `the size ${quote(third)} in cryptkey is no number` };
  if (!device.startsWith("/dev/")) return { reason: "cryptkey with an offset wants a device's path" };
  return { ...placed(device), "keyfile-offset": second, "keyfile-size": third };
}

function placed(path: string, device?: string): Key {
  if (!path.startsWith("/") || hasControl(path) || hasControl(device)) return { reason: `the key file ${quote(path)} is no absolute path` };
  return { keyfile: device === undefined || device === "" ? path : `${path}@${device}` };
}

/** `UUID=PATH[:DEVICE]` or `PATH[:DEVICE]` of systemd; `PATH:DEVICE:LUKSDEVICE` of dracut. */
function readLuksKey(words: CryptWords, value: string): string | undefined {
  const { uuid, rest } = splitUuid(value);
  const [path = "", device = "", volume = ""] = rest.split(":");
  const owner = uuid !== "" || volume === "" ? uuid : readUuid(volume.replace(/^UUID=/, ""));
  if (owner === undefined) return `the volume ${quote(volume)} is named by no UUID`;
  words.keys.set(owner, device === "" ? path : `${path}:${device}`);
  return undefined;
}

function splitUuid(value: string): { uuid: string; rest: string } {
  const equals = value.indexOf("=");
  const uuid = equals < 0 ? undefined : readUuid(value.slice(0, equals));
  return uuid === undefined ? { uuid: "", rest: value } : { uuid, rest: value.slice(equals + 1) };
}

function addByUuid(words: CryptWords, word: string, value: string): string | undefined {
  const uuid = readUuid(value);
  if (uuid === undefined) return NO_UUID;
  words.volumes.push({ word, device: `UUID=${uuid}`, uuid });
  return undefined;
}

function addByTag(words: CryptWords, word: string, tag: string, value: string): string | undefined {
  if (value === "") return "nothing behind it";
  words.volumes.push({ word: `${word}=${quote(value)}`, device: `${tag}=${value}` });
  return undefined;
}

function readUuid(text: string): string | undefined {
  return UUID.exec(text)?.[1]?.toLowerCase();
}

function hasControl(text: string | undefined): boolean {
  return text !== undefined && /[\p{Cc}\p{Cs}]/u.test(text);
}
