import { nearest } from "../nearest.ts";
import { quote } from "../quote.ts";
import type { Stage } from "./types.ts";

/** What a word of crypttab's options field becomes: an option of the kind crypt, nothing, or a reason why it can't be had. */
type Meaning = Taken | { ignored: true } | { refused: string };

interface Taken {
  option: string;
  value: "none" | "text" | "seconds" | "tries";
  /** What else an entry must have for the word to say anything: a LUKS volume passes over the cipher that stands with it. */
  of?: "luks" | "plain" | "keyfile";
}

const flag = (option: string): Meaning => ({ option, value: "none" });
const of = (what: NonNullable<Taken["of"]>, option: string, value: Taken["value"] = "text"): Meaning => ({ option, value, of: what });
const ignored: Meaning = { ignored: true };
const refused = (what: string): Meaning => ({ refused: `${what}, which this boot can't; the passphrase is asked for` });

/**
 * systemd's crypttab(5), Debian's crypttab(5), mkinitcpio's encrypt hook. What is ignored says when, how often or how long
 * something is to be tried, or what the running system does with it: a boot opens what it needs and asks until it is open.
 */
const MEANINGS: Record<string, Meaning> = {
  discard: flag("discard"),
  "allow-discards": flag("discard"),
  readonly: flag("readonly"),
  "read-only": flag("readonly"),
  tries: { option: "tries", value: "tries" },
  "key-slot": of("luks", "keyslot"),
  keyslot: of("luks", "keyslot"),
  header: of("luks", "header"),
  "keyfile-offset": of("keyfile", "keyfile-offset"),
  "keyfile-size": of("keyfile", "keyfile-size"),
  "keyfile-timeout": of("keyfile", "keyfile-timeout", "seconds"),
  "no-read-workqueue": flag("no-read-workqueue"),
  "perf-no_read_workqueue": flag("no-read-workqueue"),
  "no-write-workqueue": flag("no-write-workqueue"),
  "perf-no_write_workqueue": flag("no-write-workqueue"),
  "same-cpu-crypt": flag("same-cpu-crypt"),
  "submit-from-crypt-cpus": flag("submit-from-crypt-cpus"),
  cipher: of("plain", "cipher"),
  size: of("plain", "size"),
  hash: of("plain", "hash"),
  offset: of("plain", "offset"),
  skip: of("plain", "skip"),
  "sector-size": of("plain", "sector-size"),
  ...Object.fromEntries(["luks", "plain", "none", "auto", "noauto", "nofail", "_netdev", "initramfs", "noearly", "quiet", "loud", "verify", "check", "checkargs",
    "precheck", "force", "timeout", "swap", "tmp", "lvm", "rootdev", "resumedev", "password-echo", "password-cache", "try-empty-password", "headless",
    "token-timeout", "keyfile-erase", "link-volume-key", "integrity", "tpm2-pcrs", "tpm2-pin", "tpm2-signature", "tpm2-measure-pcr", "tpm2-measure-bank",
    "fido2-cid", "fido2-rp"].map((word) => [word, ignored])),
  "tpm2-device": refused("a key from a TPM"),
  "fido2-device": refused("a key from a FIDO2 token"),
  "pkcs11-uri": refused("a key from a PKCS#11 token"),
  keyscript: refused("a key from a program"),
};

/** Splits a comma-separated list of options, `WORD` or `WORD=VALUE`, the first of each word. */
export function splitOptions(list: string): Map<string, string | undefined> {
  const given = new Map<string, string | undefined>();
  for (const word of list.split(",").map((each) => each.trim()).filter((each) => each !== "")) {
    const equals = word.indexOf("=");
    const key = equals < 0 ? word : word.slice(0, equals);
    if (!given.has(key)) given.set(key, equals < 0 ? undefined : word.slice(equals + 1));
  }
  return given;
}

/**
 * The options of kind crypt that options of crypttab stand for, among those that `known` has. What can't be used is in
 * `problems`, a reason each; the rest is used all the same. `hasKey`: the volume has a key file.
 */
export function translateCrypttabOptions(given: Map<string, string | undefined>, known: readonly string[], hasKey: boolean): { options: Stage["options"]; problems: string[] } {
  // Debian's crypttab(5): what has a cipher and a size, and no type, is plain.
  const plain = given.has("plain") || (!given.has("luks") && given.has("cipher") && given.has("size"));
  const options: Stage["options"] = plain && known.includes("type") ? { type: "plain" } : {};
  const problems: string[] = plain && !known.includes("type") ? ["crypt in this image opens no plain volumes"] : [];
  for (const [key, value] of given) {
    const meaning = Object.hasOwn(MEANINGS, key) ? MEANINGS[key] : key.startsWith("x-") ? ignored : undefined;
    if (meaning === undefined) problems.push(unknownOption(key, Object.keys(MEANINGS)));
    else if ("refused" in meaning) problems.push(`${key} wants ${meaning.refused}`);
    else if ("option" in meaning && applies(meaning)) {
      const problem = take(key, value, meaning);
      if (problem !== undefined) problems.push(problem);
    }
  }
  return { options, problems };

  function applies(meaning: Taken): boolean {
    return meaning.of === undefined || (meaning.of === "keyfile" ? hasKey : (meaning.of === "plain") === plain);
  }

  function take(key: string, value: string | undefined, { option, value: shape }: Taken): string | undefined {
    if (!known.includes(option)) return `crypt in this image has no option ${option}`;
    if (shape === "none") options[option] = true;
    else if (value === undefined || value === "") return `nothing behind ${key}=`;
    else if (/[\u0000-\u001f\u007f-\u009f]/.test(value)) return `${key} holds a control character`;
    else if (shape !== "seconds") options[option] = value;
    else {
      const seconds = readSeconds(value);
      if (seconds === undefined) return `${key}=${quote(value)} is no number of seconds`;
      options[option] = String(seconds);
    }
    return undefined;
  }
}

export function unknownOption(key: string, known: string[]): string {
  const meant = nearest(key, known);
  return `the option ${quote(key)} is not known${meant === undefined ? "" : `; did you mean ${meant}?`}`;
}

/** systemd.time(7), as far as people write it here: seconds, or with a unit. */
function readSeconds(text: string): number | undefined {
  const [, count, unit = "s"] = /^(\d{1,6}) ?(s|sec|m|min)?$/.exec(text) ?? [];
  return count === undefined ? undefined : Number(count) * (unit.startsWith("m") ? 60 : 1);
}
