import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Source } from "../../core/binary/source.ts";
import { explain } from "../../core/errors.ts";
import type { Exec } from "../../core/exec.ts";
import { planAttempts } from "../../core/tcrypt/attempts.ts";
import type { TcryptOptions } from "../../core/tcrypt/options.ts";
import { withTemporaryDirectory } from "../temporary.ts";

/** Headers lie in these of a volume's first and last bytes, and in a disk's those of system encryption; VeraCrypt documentation, "VeraCrypt Volume Format Specification". */
const HEADERS_BYTES = 128 * 1024;
const WITHIN_MS = 300_000;
/** Exit codes: something else, wrong passphrase, no device; cryptsetup(8), "RETURN CODES". */
const [OTHER, WRONG_PASSPHRASE, NO_DEVICE] = [1, 2, 4];
const LINE_FEED = 0x0a;

export interface CryptsetupAnswer {
  /** What it is, in cryptsetup's words: `TrueCrypt, twofish-aes, cbci-tcrypt, ripemd160`. */
  header?: string;
  /** Why it could not be asked, where it is installed. */
  silence?: string;
}

/**
 * Asks the cryptsetup of this machine, where there is one, what the header is that does not open here: it computes with the kernel's ciphers, and
 * knows more of them. It gets a copy of the volume's first and last bytes and neither root nor a device; the passphrase on its standard input.
 */
export async function askCryptsetup(run: Exec, headers: Source, options: TcryptOptions, passphrase: Buffer, say: (about: string | undefined) => void): Promise<CryptsetupAnswer> {
  const env = { PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`, LC_ALL: "C" };
  if (passphrase.includes(LINE_FEED) || !(await run("cryptsetup", ["--version"], { env }).then(() => true, () => false))) return {};
  return withTemporaryDirectory("headers", async (directory) => {
    const file = join(directory, "headers.img");
    const keyFlags = [...options.keyFiles.flatMap((keyFile) => ["--key-file", keyFile]), ...(typeof options.pim === "number" ? ["--veracrypt-pim", String(options.pim)] : [])];
    const input = passphrase.length === 0 ? Buffer.of(LINE_FEED) : passphrase; // it takes an end without a line for no answer
    const attempts = planAttempts(options);
    try {
      await copyHeaders(headers, file);
      for (const [index, { about, args }] of attempts.entries()) {
        say(`asking cryptsetup: ${about}, ${index + 1} of ${attempts.length} that it may be`);
        const { exitCode, stderr, stdout } = await run("cryptsetup", ["tcryptDump", ...args, ...keyFlags, file], { accept: [OTHER, WRONG_PASSPHRASE, NO_DEVICE], env, input, timeoutMs: WITHIN_MS });
        if (exitCode === 0) return { header: describe(about, stdout) };
        if (exitCode !== WRONG_PASSPHRASE && !/hash algorithm \S+ not available/.test(stderr)) return { silence: stderr.trim().replaceAll(/\s*\n\s*/g, " ") || `exit code ${exitCode}` };
      }
      return {};
    } catch (error) {
      return { silence: explain(error) };
    }
  });
}

/** A sparse file as long as the source. */
async function copyHeaders(source: Source, file: string): Promise<void> {
  const bytes = Math.min(HEADERS_BYTES, source.sizeBytes);
  const descriptor = openSync(file, "wx", 0o600);
  try {
    ftruncateSync(descriptor, source.sizeBytes);
    for (const at of new Set([0, source.sizeBytes - bytes])) writeSync(descriptor, await source.read(at, bytes), 0, bytes, at);
  } finally {
    closeSync(descriptor);
  }
}

/** Of cryptsetup's own output: `Cipher chain:   twofish-aes`. */
function describe(about: string, dump: string): string {
  const field = (name: string) => new RegExp(`^${name}:\\s*(\\S+)$`, "m").exec(dump)?.[1] ?? "?";
  return [about, field("Cipher chain"), field("Cipher mode"), field("PBKDF2 hash")].join(", ");
}
