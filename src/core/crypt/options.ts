import type { BadOption, Stage } from "../realroot/types.ts";
import { hasLongName, LONG_NAME } from "../realroot/long-name.ts";
import { LARGEST_KEY_FILE_BYTES, parseKeyFile } from "../realroot/key-file.ts";

/** What the options of a `crypt` stage ask for. */
export interface CryptOptions {
  type: "luks" | "plain";
  discard: boolean;
  readonly: boolean;
  /** Flags of cryptsetup that change how the kernel does the work, and nothing else. */
  performance: string[];
  /** How often the person may type. */
  tries: number;
  keyslot?: number;
  keyFile?: { place: string; offsetBytes?: number; sizeBytes?: number; timeoutMs?: number };
  /** A file of the image, or a device as a spec names it. */
  header?: string;
  /** How a plain volume is encrypted: it has no header to say so. */
  plain?: { cipher: string; keyBits: number; hash: string; offsetSectors: number; skipSectors: number; sectorBytes: number };
}

const DEFAULT_TRIES = 3;
/** As many as one likes, which is what 0 means to crypttab(5). */
const MOST_TRIES = 9999;
const DAY_SECONDS = 24 * 60 * 60;
/** Of LUKS2; LUKS1 has 8. */
const KEYSLOTS = 32;

/** Options that only one type of volume has. */
const OF_TYPE = { luks: ["header", "keyslot"], plain: ["cipher", "size", "hash", "offset", "skip", "sector-size"] };
/** cryptsetup-open(8), "--perf-…". */
const PERFORMANCE: Record<string, string> = {
  "no-read-workqueue": "--perf-no_read_workqueue",
  "no-write-workqueue": "--perf-no_write_workqueue",
  "same-cpu-crypt": "--perf-same_cpu_crypt",
  "submit-from-crypt-cpus": "--perf-submit_from_crypt_cpus",
};

/** Reads the options of a `crypt` stage; the first that is out of range, or fits no other, is given with the reason. */
export function parseCryptOptions(options: Stage["options"]): CryptOptions | BadOption {
  try {
    return read(options);
  } catch (error) {
    if (error instanceof Refusal) return { key: error.key, reason: error.message, next: error.next };
    throw error;
  }
}

class Refusal extends Error {
  readonly key: string;
  readonly next: string;
  constructor(key: string, reason: string, next: string) {
    super(reason);
    this.key = key;
    this.next = next;
  }
}

function read(options: Stage["options"]): CryptOptions {
  const type = readType(options);
  for (const key of OF_TYPE[type === "luks" ? "plain" : "luks"]) {
    if (options[key] !== undefined) throw new Refusal(key, `it is of type=${type === "luks" ? "plain" : "luks"} alone`, `leave ${key} out${type === "luks" ? ", or add type=plain" : ""}`);
  }
  const keyslot = count(options, "keyslot", 0, KEYSLOTS - 1);
  const keyFile = readKeyFile(options);
  const header = text(options, "header", /^(\/|[A-Z]+=).+$/, "/PATH or a device");
  if (header !== undefined && hasLongName(header)) throw new Refusal("header", LONG_NAME, "write header= and /PATH or a device");
  return {
    type,
    discard: isSet(options, "discard"),
    readonly: isSet(options, "readonly"),
    performance: Object.entries(PERFORMANCE).flatMap(([key, flag]) => (isSet(options, key) ? [flag] : [])),
    tries: (count(options, "tries", 0, MOST_TRIES) ?? DEFAULT_TRIES) || MOST_TRIES,
    ...(keyslot === undefined ? {} : { keyslot }),
    ...(keyFile === undefined ? {} : { keyFile }),
    ...(header === undefined ? {} : { header }),
    ...(type === "plain" ? { plain: readPlain(options, keyFile !== undefined) } : {}),
  };
}

function readType(options: Stage["options"]): CryptOptions["type"] {
  const type = text(options, "type", /^(luks[12]?|plain)$/, "luks or plain");
  return type === "plain" ? "plain" : "luks";
}

function readKeyFile(options: Stage["options"]): CryptOptions["keyFile"] {
  const place = text(options, "keyfile", /./s, "/PATH or /PATH@DEVICE");
  const offsetBytes = count(options, "keyfile-offset", 0, Number.MAX_SAFE_INTEGER - LARGEST_KEY_FILE_BYTES);
  const sizeBytes = count(options, "keyfile-size", 1, LARGEST_KEY_FILE_BYTES);
  const timeoutSeconds = count(options, "keyfile-timeout", 0, DAY_SECONDS);
  if (place === undefined) {
    const alone = ["keyfile-offset", "keyfile-size", "keyfile-timeout"].find((key) => options[key] !== undefined);
    if (alone !== undefined) throw new Refusal(alone, "there is no keyfile that it could be of", "add keyfile=/PATH or keyfile=/PATH@DEVICE");
    return undefined;
  }
  const parsed = parseKeyFile(place);
  if ("reason" in parsed) throw new Refusal("keyfile", `"${place}": ${parsed.reason}`, "write keyfile=/PATH or keyfile=/PATH@DEVICE");
  return {
    place,
    ...(offsetBytes === undefined ? {} : { offsetBytes }),
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    ...(timeoutSeconds === undefined ? {} : { timeoutMs: timeoutSeconds * 1000 }),
  };
}

/** What is not said here would be cryptsetup's default, and that changes with its version: the data would be noise. */
function readPlain(options: Stage["options"], hasKeyFile: boolean): NonNullable<CryptOptions["plain"]> {
  const cipher = text(options, "cipher", /^[a-z0-9][a-z0-9_:()-]{0,63}$/, "a cipher as in aes-xts-plain64");
  const keyBits = count(options, "size", 8, 4096);
  const hash = text(options, "hash", /^[a-z0-9][a-z0-9_:-]{0,63}$/, "a hash as in sha256") ?? (hasKeyFile ? "plain" : undefined);
  const missing = Object.entries({ cipher, size: keyBits, hash }).find(([, value]) => value === undefined)?.[0];
  if (missing !== undefined) throw new Refusal(missing, "it is missing, and a plain volume has no header that says it", `add ${missing}=…, as it was given to cryptsetup when the volume was made`);
  if (keyBits! % 8 !== 0) throw new Refusal("size", `${keyBits} bits are no whole bytes`, "write size=BITS, as in size=256");
  const sectorBytes = count(options, "sector-size", 512, 4096) ?? 512;
  if ((sectorBytes & (sectorBytes - 1)) !== 0) throw new Refusal("sector-size", `${sectorBytes} is no power of two`, "write sector-size=512, 1024, 2048 or 4096");
  const sectors = (key: string) => count(options, key, 0, 2 ** 43) ?? 0;
  return { cipher: cipher!, keyBits: keyBits!, hash: hash!, offsetSectors: sectors("offset"), skipSectors: sectors("skip"), sectorBytes };
}

function isSet(options: Stage["options"], key: string): boolean {
  const value = options[key];
  if (value === undefined || value === true) return value === true;
  throw new Refusal(key, `"${value}", and it takes no value`, `write ${key} alone`);
}

function text(options: Stage["options"], key: string, form: RegExp, expected: string): string | undefined {
  const value = options[key];
  if (value === undefined) return undefined;
  if (value !== true && form.test(value)) return value;
  throw new Refusal(key, value === true || value === "" ? "no value" : `"${value}"`, `write ${key}= and ${expected}`);
}

function count(options: Stage["options"], key: string, least: number, most: number): number | undefined {
  const value = options[key];
  if (value === undefined) return undefined;
  const isNumber = value !== true && /^\d{1,16}$/.test(value);
  if (isNumber && Number(value) >= least && Number(value) <= most) return Number(value);
  const found = value === true || value === "" ? "no value" : `"${value}", which is no whole number${isNumber ? " in range" : ""}`;
  throw new Refusal(key, found, `write ${key}=NUMBER, from ${least} to ${most}`);
}
