import { LUKS_MAGIC } from "../../core/formats/luks1.ts";
import { hashesIn, credentialsIn } from "./text.ts";
import type { AuditedFile, Secret } from "./types.ts";

type Recognised = Pick<Secret, "kind" | "reason">;

/** Larger ones are programs, modules and the like; cryptsetup takes key files of 8 MiB at most. */
const MOST_BYTES = 16 * 1024 * 1024;
const LUKS2_SECONDARY_MAGIC = "SKUL\xba\xbe";
/** The least that makes a key. */
const LEAST_KEY_BYTES = 16;

/** What of the file alone looks like a secret: its content, its name and its mode. Names in other files are not looked at. */
export async function recognise(file: AuditedFile): Promise<Recognised | undefined> {
  if (file.sizeBytes === 0 || file.sizeBytes > MOST_BYTES) return undefined;
  const bytes = await file.read();
  return byContent(bytes) ?? byText(file.path, bytes) ?? byName(file, bytes);
}

function byContent(bytes: Buffer): Recognised | undefined {
  const head = bytes.toString("latin1", 0, 64);
  if (head.startsWith(LUKS_MAGIC) || head.startsWith(LUKS2_SECONDARY_MAGIC)) return { kind: "LUKS header", reason: "it begins with LUKS's magic" };
  if (head.startsWith("age-encryption.org/v1\n")) return { kind: "sealed secret", reason: "it is encrypted by age" };
  if (/^PuTTY-User-Key-File-\d:/.test(head)) return { kind: "private key", reason: "it begins as PuTTY's private keys do" };
  const der = derKey(bytes);
  return der === undefined ? undefined : { kind: "private key", reason: der };
}

/** A DER SEQUENCE that is the whole file, with the version number that each format begins with. RFC 5208, 8017, 5915, 7292. */
function derKey(bytes: Buffer): string | undefined {
  if (bytes.length < 32 || bytes[0] !== 0x30) return undefined;
  const lengthBytes = (bytes[1] ?? 0) < 0x80 ? 0 : (bytes[1] ?? 0) & 0x7f;
  if (lengthBytes > 4) return undefined;
  const contentBytes = lengthBytes === 0 ? (bytes[1] ?? 0) : bytes.readUIntBE(2, lengthBytes);
  if (2 + lengthBytes + contentBytes !== bytes.length) return undefined;
  const version = bytes.toString("hex", 2 + lengthBytes, 6 + lengthBytes);
  if (version === "02010030" || version === "02010130") return "it is a PKCS#8 private key in DER";
  if (version === "02010002") return "it is a PKCS#1 private key in DER";
  if (version === "02010104") return "it is a SEC 1 private key in DER";
  return version === "02010330" ? "it is a PKCS#12 store in DER" : undefined;
}

/** Anchored where a line begins and followed by base64: programs hold the words alone. */
const PEM = /^-----BEGIN ((?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?)-----\r?\n(?:[A-Za-z-]+: .*\r?\n)*(?:\r?\n)?[A-Za-z0-9+/=]{16}/m;
const AGE = /^AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]{40}/m;
/** A JWE, compact or as JSON: Clevis' tokens. RFC 7516, section 7. */
const JWE = /^(?:eyJ[\w-]+\.[\w-]*\.[\w-]+\.[\w-]+\.[\w-]+\s*$|\{\s*"(?:ciphertext|encrypted_key)")/;

function byText(path: string, bytes: Buffer): Recognised | undefined {
  if (bytes.includes(0)) return undefined;
  const text = bytes.toString("latin1");
  const pem = PEM.exec(text)?.[1];
  if (pem === "TSS2 PRIVATE KEY") return { kind: "sealed secret", reason: "it holds a key that a TPM has wrapped, in PEM" };
  if (pem?.startsWith("ENCRYPTED") === true) return { kind: "sealed secret", reason: "it holds a private key under a passphrase, in PEM" };
  if (pem !== undefined) return { kind: "private key", reason: `it holds "BEGIN ${pem}"` };
  if (AGE.test(text)) return { kind: "private key", reason: "it holds an identity of age" };
  if (JWE.test(text)) return { kind: "sealed secret", reason: "it is a JWE, as Clevis makes them" };
  return credentialsIn(path, text) ?? hashesIn(text);
}

const KEY_NAME = /\.(?:key|keyfile|psk|secret)$|(?:^|\/)(?:crypto_keyfile\.bin|[^/]*keyfile)$|(?:^|\/)etc\/(?:[^/]*keys[^/]*)\//;
const TPM_NAME = /\.(?:tpm2?|priv|ctx|cred)$/;

function byName({ path, mode, sizeBytes }: AuditedFile, bytes: Buffer): Recognised | undefined {
  if (sizeBytes < LEAST_KEY_BYTES) return undefined;
  const random = looksRandom(bytes);
  if (KEY_NAME.test(path) && (random || ONE_LINE.test(bytes.toString("latin1", 0, LONGEST_LINE)))) {
    return { kind: "key file", reason: random ? "its name is a key's, and its bytes look random" : "its name is a key's, and it holds one line" };
  }
  if (!random) return undefined;
  if (TPM_NAME.test(path)) return { kind: "sealed secret", reason: "its name is that of a TPM's or systemd's sealed object, and its bytes look random" };
  return (mode & 0o077) === 0 ? { kind: "key file", reason: "only its owner may read it, and its bytes look random" } : undefined;
}

/** A passphrase, as a person writes it into a file. */
const ONE_LINE = /^[^\0-\x1f]+\n?$/;
const LONGEST_LINE = 514;
/** Base64 or hexadecimal digits, in lines or not. */
const DIGITS = /^[A-Za-z0-9+/=_-]{16,}(?:\r?\n[A-Za-z0-9+/=_-]+)*\s*$/;
/** Bits a byte: hexadecimal digits have 4 at most. */
const LEAST_DIGIT_ENTROPY = 3;
/** Of the entropy that so many bytes can have: random ones lie above, programs' tables below. */
const RANDOM_SHARE = 0.7;

/** Digits without blanks among them, or binary bytes, that have most of the entropy that they could have. Other text never. */
function looksRandom(bytes: Buffer): boolean {
  const isText = bytes.every((byte) => (byte >= 0x20 && byte < 0x7f) || (byte >= 0x09 && byte <= 0x0d));
  if (isText) return DIGITS.test(bytes.toString("latin1")) && entropyOf(bytes) >= LEAST_DIGIT_ENTROPY;
  return entropyOf(bytes) >= RANDOM_SHARE * Math.min(8, Math.log2(bytes.length));
}

/** Shannon's, in bits a byte. */
function entropyOf(bytes: Buffer): number {
  const counts = new Array<number>(256).fill(0);
  for (const byte of bytes) counts[byte]!++;
  return counts.reduce((sum, count) => (count === 0 ? sum : sum - (count / bytes.length) * Math.log2(count / bytes.length)), 0);
}
