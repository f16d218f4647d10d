import { quote } from "../quote.ts";
import { translateCrypttabOptions, unknownOption } from "./crypttab-options.ts";
import type { Stage } from "./types.ts";

/** What an entry's key and options ask for, in a stage's words. */
export interface EntryOptions {
  kind: "crypt" | "tcplay";
  options: Stage["options"];
  warnings: string[];
}

/** Why an entry is not opened here. */
export interface NotHere {
  reason: string;
}

/** crypttab's words for what a `tcplay` stage has, with the value where the word alone says it. */
const TCRYPT: Record<string, [option: string, value?: string]> = {
  "tcrypt-hidden": ["hidden", "yes"], tcrypthidden: ["hidden", "yes"],
  veracrypt: ["type", "veracrypt"], "tcrypt-veracrypt": ["type", "veracrypt"],
  "veracrypt-pim": ["pim"], "tcrypt-keyfile": ["keyfile"],
  tries: ["tries"], readonly: ["readonly"], "read-only": ["readonly"], discard: ["discard"],
};
/** What an entry of a TrueCrypt volume may have beside them, and says nothing to an early boot. */
const TCRYPT_IGNORED = ["tcrypt", "luks", "none", "auto", "noauto", "nofail", "_netdev", "initramfs", "noearly", "loud", "quiet", "check", "checkargs", "timeout"];
const SYSTEM = ["tcrypt-system", "tcryptsystem"];
const NOT_HERE = ["bitlk", "fvault2"];

/**
 * Reads the key (crypttab's third field: nothing, a file, systemd's `FILE:DEVICE`, or what a keyscript gets) and the options
 * of an entry; the reason where it is of a kind that is not opened here. `known` are the options of the kind crypt.
 */
export function readOptions(given: Map<string, string | undefined>, key: string, known: readonly string[]): EntryOptions | NotHere {
  const foreign = NOT_HERE.find((type) => given.has(type));
  if (foreign !== undefined) return { reason: `${foreign} volumes are not opened here` };
  const warnings: string[] = [];
  const ofKey = readKey(given, key, warnings);
  if (given.has("tcrypt")) return readTcrypt(given, ofKey, warnings);
  const { options, problems } = translateCrypttabOptions(given, known, "keyfile" in ofKey);
  return { kind: "crypt", options: { ...ofKey, ...options }, warnings: [...warnings, ...problems] };
}

function readTcrypt(given: Map<string, string | undefined>, ofKey: Stage["options"], warnings: string[]): EntryOptions | NotHere {
  const system = SYSTEM.find((word) => given.has(word));
  if (system !== undefined) return { reason: `${system} does not say which disk; write a realroot spec of the kind tcplay` };
  const options = { ...ofKey };
  for (const [word, value] of given) {
    const [option, fixed] = Object.hasOwn(TCRYPT, word) ? TCRYPT[word]! : [];
    if (option === undefined) {
      if (!TCRYPT_IGNORED.includes(word) && !word.startsWith("x-")) warnings.push(unknownOption(word, [...Object.keys(TCRYPT), ...SYSTEM, ...TCRYPT_IGNORED]));
    } else if (options[option] !== undefined) {
      return { reason: `more than one ${option}; write a realroot spec of the kind tcplay` };
    } else {
      options[option] = fixed ?? value ?? true;
    }
  }
  return { kind: "tcplay", options, warnings };
}

/** The options that the key stands for. A keyscript that is understood is taken out of what is given. */
function readKey(given: Map<string, string | undefined>, key: string, warnings: string[]): Stage["options"] {
  const keyscript = given.get("keyscript");
  // Debian's passdev: DEVICE:FILE[:SECONDS], cryptsetup's README.Debian.
  const [, device, file, seconds] = keyscript?.endsWith("passdev") ? (/^(\/dev\/[^:]+):([^:]+)(?::(\d+))?$/.exec(key) ?? []) : [];
  if (device !== undefined && file !== undefined) {
    given.delete("keyscript");
    return { keyfile: `${file.startsWith("/") ? "" : "/"}${file}@${device}`, ...(seconds === undefined ? {} : { "keyfile-timeout": seconds }) };
  }
  if (["", "none", "-"].includes(key) || given.has("keyscript")) return {};
  const onDevice = /^(\/.*):((?:UUID|LABEL|PARTUUID|PARTLABEL)=.+|\/dev\/.+)$/.exec(key);
  if (onDevice !== null) return { keyfile: `${onDevice[1]}@${onDevice[2]}` };
  if (key.startsWith("/") && !key.includes("@")) return { keyfile: key };
  warnings.push(`the key file ${quote(key)} can't be read here, the passphrase is asked for`);
  return {};
}
