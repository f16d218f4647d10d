import { parseKeyFile } from "../realroot/key-file.ts";
import type { BadOption, Stage } from "../realroot/types.ts";
import { CIPHERS, KDFS, MAX_PIM, type TcryptHash, type TcryptType } from "../formats/truecrypt-kdf.ts";

/** What the options of a `tcplay` stage ask for. */
export interface TcryptOptions {
  /** Undefined: TrueCrypt first, then VeraCrypt. */
  type: TcryptType | undefined;
  hash: TcryptHash | undefined;
  /** As TrueCrypt names it: `serpent-twofish-aes`. */
  cipher: string | undefined;
  /** `auto`: the outer header, then the hidden one. */
  hidden: "auto" | "yes" | "no";
  /** `ask`: with the passphrase. */
  pim: number | "ask" | undefined;
  tries: number;
  readonly: boolean;
  discard: boolean;
  /** The copies of the headers at the end of the device. */
  backup: boolean;
  /** System encryption: the header lies in sector 62 of the disk, which is named, or is the partition's or the device itself. */
  system: string | boolean;
  keyFiles: string[];
  /** The key files alone are the key. */
  noPassphrase: boolean;
  protectHidden: boolean;
  hiddenKeyFiles: string[];
  engine: "cryptsetup" | "tcplay";
}

const DEFAULT_TRIES = 3;
const HASHES = [...new Set(KDFS.map(({ hash }) => hash))];

/** Reads the options of a stage; on bad input the option and what is wrong with its value. */
export function readTcryptOptions(options: Stage["options"]): TcryptOptions | BadOption {
  let problem: BadOption | undefined;
  const refuse = (option: string, reason: string, next: string): undefined => void (problem ??= { key: option, reason, next });
  const oneOf = <T extends string>(option: string, known: readonly T[]): T | undefined => {
    const value = options[option];
    const found = known.find((each) => each === value);
    if (value !== undefined && found === undefined) refuse(option, value === true ? "it has no value" : `"${value}"; known: ${known.join(", ")}`, `write ${option}=VALUE with one of them`);
    return found;
  };
  const count = (option: string, most: number): number | undefined => {
    const value = options[option];
    if (value === undefined) return undefined;
    const number = typeof value === "string" && /^\d{1,7}$/.test(value) ? Number(value) : 0;
    return number >= 1 && number <= most ? number : refuse(option, `${value === true ? "it has no value" : `"${value}"`}; a whole number from 1 to ${most}`, `write ${option}=NUMBER`);
  };
  const flag = (option: string): boolean => {
    const value = options[option];
    if (typeof value === "string") refuse(option, `"${value}", where nothing belongs`, `write ${option} alone`);
    return value === true;
  };
  const files = (option: string): string[] => {
    const value = options[option];
    if (value === undefined) return [];
    const paths = value === true ? [] : value.split("\n");
    if (paths.length === 0) refuse(option, "it has no value", `write ${option}=/PATH, once for each key file`);
    for (const path of paths) {
      const parsed = parseKeyFile(path);
      if ("reason" in parsed) refuse(option, `"${path}": ${parsed.reason}`, `write ${option}=/PATH or ${option}=/PATH@DEVICE, once for each key file`);
    }
    return paths;
  };
  const protectHidden = flag("protect-hidden");
  const system = options["system"];
  const result: TcryptOptions = {
    type: oneOf("type", ["truecrypt", "veracrypt"]) ?? (options["pim"] === undefined ? undefined : "veracrypt"),
    hash: oneOf("hash", HASHES),
    cipher: oneOf("cipher", CIPHERS),
    hidden: oneOf("hidden", ["auto", "yes", "no"]) ?? "auto",
    pim: options["pim"] === "ask" ? "ask" : count("pim", MAX_PIM),
    tries: count("tries", 99) ?? DEFAULT_TRIES,
    readonly: flag("readonly"),
    discard: flag("discard"),
    backup: flag("backup"),
    system: system ?? false,
    keyFiles: files("keyfile"),
    noPassphrase: flag("no-passphrase"),
    protectHidden,
    hiddenKeyFiles: files("keyfile-hidden"),
    engine: oneOf("engine", ["cryptsetup", "tcplay"]) ?? (protectHidden ? "tcplay" : "cryptsetup"),
  };
  if (problem === undefined) checkTogether(result, refuse);
  return problem ?? result;
}

/** Options that don't go together, and what the tcplay program has no flag for. */
function checkTogether(options: TcryptOptions, refuse: (option: string, reason: string, next: string) => void): void {
  const { type, hash, pim, protectHidden, hidden, engine, system, backup, hiddenKeyFiles } = options;
  if (type === "truecrypt" && pim !== undefined) refuse("pim", "TrueCrypt volumes have none", "leave out pim, or type");
  if (hash !== undefined && !KDFS.some((kdf) => kdf.hash === hash && (type ?? kdf.type) === kdf.type)) {
    const known = KDFS.filter((kdf) => kdf.type === type).map((kdf) => kdf.hash);
    refuse("hash", `"${hash}", which ${type === "truecrypt" ? "TrueCrypt" : "VeraCrypt"} does not use; known: ${known.join(", ")}`, "leave out hash, or type");
  }
  if (options.noPassphrase && options.keyFiles.length === 0) refuse("no-passphrase", "there is no key file either", "add keyfile=/PATH");
  if (system === "") refuse("system", "it names no disk", "write system=DISK, or system alone for the device's own disk");
  if (system !== false && backup) refuse("backup", "system encryption has no copy of its header on the disk", "restore the header from the rescue disk's image");
  if (system !== false && hidden === "yes") refuse("hidden", "system encryption has one header", "leave out hidden, or system");
  if (hiddenKeyFiles.length > 0 && !protectHidden) refuse("keyfile-hidden", "it is for protect-hidden alone", "write keyfile for the volume that is opened, hidden or not");
  if (protectHidden && (hidden === "yes" || system !== false)) refuse("protect-hidden", "it opens the outer volume of a plain container", "leave out hidden and system");
  if (protectHidden && engine === "cryptsetup") refuse("engine", "cryptsetup can't protect a hidden volume", "leave out engine, or write engine=tcplay");
  if (engine !== "tcplay") return;
  if (type === "veracrypt") refuse(pim === undefined ? "type" : "pim", "the tcplay program opens TrueCrypt volumes alone", "leave out engine and protect-hidden");
  for (const option of ["hash", "cipher", "readonly", "discard"] as const) {
    if (options[option]) refuse(option, "the tcplay program has no such choice", `leave out ${option}, or engine and protect-hidden`);
  }
  if (hidden !== "auto") refuse("hidden", "the tcplay program looks for both", "leave out hidden, or engine");
}
