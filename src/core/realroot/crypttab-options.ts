import { quote } from "../quote.ts";

/** What a word of crypttab's options field becomes: an option of the kind crypt, nothing, or a reason why it can't be had. */
type Meaning = Taken | { ignored: true } | { refused: string };

interface Taken {
  option: string;
  value: "none" | "text" | "seconds";
}

const flag = (option: string): Meaning => ({ option, value: "none" });
const text = (option: string): Meaning => ({ option, value: "text" });
const seconds = (option: string): Meaning => ({ option, value: "seconds" });
const ignored: Meaning = { ignored: true };
const refused = (what: string): Meaning => ({ refused: `${what}, which this boot can't; the passphrase is asked for` });

/**
 * systemd's crypttab(5), Debian's crypttab(5), mkinitcpio's encrypt hook. What is ignored says when and how often something is
 * to be done, not what: a boot opens what it needs and asks until it is open.
 */
const MEANINGS: Record<string, Meaning> = {
  discard: flag("discard"),
  "allow-discards": flag("discard"),
  readonly: flag("readonly"),
  "read-only": flag("readonly"),
  tries: text("tries"),
  "key-slot": text("keyslot"),
  keyslot: text("keyslot"),
  "keyfile-offset": text("keyfile-offset"),
  "keyfile-size": text("keyfile-size"),
  "keyfile-timeout": seconds("keyfile-timeout"),
  timeout: seconds("timeout"),
  header: text("header"),
  "no-read-workqueue": flag("no-read-workqueue"),
  "perf-no_read_workqueue": flag("no-read-workqueue"),
  "no-write-workqueue": flag("no-write-workqueue"),
  "perf-no_write_workqueue": flag("no-write-workqueue"),
  "same-cpu-crypt": flag("same-cpu-crypt"),
  "submit-from-crypt-cpus": flag("submit-from-crypt-cpus"),
  plain: text("type"),
  cipher: text("cipher"),
  size: text("size"),
  hash: text("hash"),
  ...Object.fromEntries(["luks", "noauto", "nofail", "_netdev", "x-initrd.attach", "x-systemd.device-timeout", "token-timeout", "try-empty-password",
    "password-echo", "password-cache", "initramfs", "quiet", "loud", "noearly", "lvm", "rootdev", "resumedev", "check", "checkargs"].map((word) => [word, ignored])),
  "tpm2-device": refused("a key from a TPM"),
  "fido2-device": refused("a key from a FIDO2 token"),
  "pkcs11-uri": refused("a key from a PKCS#11 token"),
  keyscript: refused("a key from a program"),
};

/**
 * The options of kind crypt that a comma-separated list of crypttab's options stands for, among those that `known` has. What
 * can't be used is in `problems`, a reason each; the rest is used all the same.
 */
export function translateCrypttabOptions(list: string, known: readonly string[]): { options: Record<string, string | true>; problems: string[] } {
  const options: Record<string, string | true> = {};
  const problems: string[] = [];
  for (const word of list.split(",").filter((each) => each !== "")) {
    const equals = word.indexOf("=");
    const key = equals < 0 ? word : word.slice(0, equals);
    const value = equals < 0 ? undefined : word.slice(equals + 1);
    const meaning = Object.hasOwn(MEANINGS, key) ? MEANINGS[key] : undefined;
    if (meaning === undefined) problems.push(`the option ${quote(key)} is not known`);
    else if ("refused" in meaning) problems.push(`${key} wants ${meaning.refused}`);
    else if ("option" in meaning) {
      const problem = take(key, value, meaning);
      if (problem !== undefined) problems.push(problem);
    }
  }
  return { options, problems };

  function take(key: string, value: string | undefined, { option, value: shape }: Taken): string | undefined {
    if (!known.includes(option)) return `crypt in this image has no option ${option}`;
    if (shape === "none") options[option] = true;
    else if (key === "plain") options[option] = "plain";
    else if (value === undefined || value === "") return `nothing behind ${key}=`;
    else if (/[\u0000-\u001f\u007f-\u009f]/.test(value)) return `${key} holds a control character`;
    else if (shape === "text") options[option] = value;
    else {
      const number = /^(\d{1,6})(?:s|sec)?$/.exec(value)?.[1];
      if (number === undefined) return `${key}=${quote(value)} is no number of seconds`;
      if (Number(number) > 0) options[option] = number; // 0: no limit, as here
    }
    return undefined;
  }
}
