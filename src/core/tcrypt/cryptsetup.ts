import type { Context } from "../rc/types.ts";
import type { TcryptHash } from "../formats/truecrypt-kdf.ts";
import { type Attempt, planAttempts, planCopyAttempts } from "./attempts.ts";
import type { TcryptOptions } from "./options.ts";
import { explainRefusal, lackingHash } from "./refusals.ts";

/** Without it libdevmapper waits for udev, which is not there. */
export const ENV = { PATH: "/usr/sbin:/usr/bin", DM_DISABLE_UDEV: "1" };
/** Exit codes: wrong parameters or anything that has no code of its own, wrong passphrase, no memory, no device, device in use; cryptsetup(8), "RETURN CODES". */
const EXIT_CODES = [1, 2, 3, 4, 5];
const WRONG_PASSPHRASE = 2;
const LINE_FEED = 0x0a;
const ZERO = 0x30;

/** The first cryptsetup that derives keys for VeraCrypt with BLAKE2s; its release notes. An older one calls every passphrase wrong. */
const BLAKE2S_VERSION = [2, 7] as const;

/** Of the ciphers that VeraCrypt has the one that Linux itself has not. */
const UNUSUAL_CIPHER = "kuznyechik";

/** What one passphrase is tried with. */
export interface Search {
  attempts: Attempt[];
  /** Hashes that the cryptsetup of this image turned out to lack. */
  lacking: Set<TcryptHash>;
}

/** What a person types, and the key files beside it. */
export interface Key {
  passphrase: Buffer;
  pim: Buffer | undefined;
  files: string[];
}

/** Throws when the options name a hash that this cryptsetup is too old for, or a cipher that the kernel lacks. */
export async function planSearch(ctx: Context, options: TcryptOptions): Promise<Search> {
  if (options.cipher?.includes(UNUSUAL_CIPHER)) await checkCipher(ctx, UNUSUAL_CIPHER);
  const attempts = planAttempts(options);
  if (!attempts.some(({ hash }) => hash === "blake2s")) return { attempts, lacking: new Set() };
  const { stdout } = await ctx.exec("cryptsetup", ["--version"], { env: ENV });
  const [, version, major = 0, minor = 0] = /^cryptsetup ((\d+)\.(\d+)\S*)/.exec(stdout) ?? [];
  if (Number(major) > BLAKE2S_VERSION[0] || (Number(major) === BLAKE2S_VERSION[0] && Number(minor) >= BLAKE2S_VERSION[1])) return { attempts, lacking: new Set() };
  if (options.hash === "blake2s") throw lackingHash(ctx, ctx.realroot.device, `blake2s: it is ${version ?? "of no version that is known"}, and ${BLAKE2S_VERSION.join(".")} is the first that has it`);
  return { attempts: attempts.filter(({ hash }) => hash !== "blake2s"), lacking: new Set(["blake2s"]) };
}

/** cryptsetup passes over what it can't use, and calls the passphrase wrong. */
async function checkCipher(ctx: Context, cipher: string): Promise<void> {
  const { exitCode, stdout, stderr } = await ctx.exec("cryptsetup", ["benchmark", "--cipher", `${cipher}-xts-plain64`, "--key-size", "512"], { env: ENV, accept: EXIT_CODES });
  if (exitCode === 0) return;
  throw ctx.failure({ tried: "opening with cryptsetup", on: ctx.realroot.device, ...(await explainRefusal(stdout + stderr, exitCode)) });
}

/**
 * Tries a key on every header and key derivation of the search; false when none opens. More than one is shown while it goes on. Throws
 * when cryptsetup has another reason, or lacks the hash that the options name.
 */
export async function openWithCryptsetup(ctx: Context, device: string, name: string, options: TcryptOptions, search: Search, key: Key): Promise<boolean> {
  const flags = [...(options.readonly ? ["--readonly"] : []), ...(options.discard ? ["--allow-discards"] : [])];
  return tryEach(ctx, search.attempts, options, key, async (attempt, keyFlags, input) => {
    const { exitCode, stdout, stderr } = await ctx.exec("cryptsetup", ["open", "--type", "tcrypt", "--verbose", ...attempt.args, ...keyFlags, ...flags, device, name], { input, env: ENV, accept: EXIT_CODES });
    if (exitCode === 0) return true;
    const said = stdout + stderr;
    const [, lacking] = /hash algorithm (\S+) not available/.exec(said) ?? [];
    if (lacking !== undefined && options.hash !== undefined) throw lackingHash(ctx, device, lacking);
    if (lacking !== undefined && attempt.hash !== undefined) search.lacking.add(attempt.hash);
    if (exitCode === WRONG_PASSPHRASE) return false;
    throw ctx.failure({ tried: "opening with cryptsetup", on: device, ...(await explainRefusal(said, exitCode, () => opensByCopy(ctx, device, options, key))) });
  });
}

/** Whether a key opens the copies of the headers at the device's end, as far as that is soon told. Opens nothing. */
export async function opensByCopy(ctx: Context, device: string, options: TcryptOptions, key: Key): Promise<boolean> {
  return tryEach(ctx, planCopyAttempts(options), options, key, async ({ args }, keyFlags, input) =>
    (await ctx.exec("cryptsetup", ["open", "--type", "tcrypt", "--test-passphrase", ...args, ...keyFlags, device], { input, env: ENV, accept: EXIT_CODES })).exitCode === 0);
}

/** Runs the attempts until one is true, each with the flags and the standard input that the key makes. */
async function tryEach(ctx: Context, attempts: Attempt[], options: TcryptOptions, { passphrase, pim, files }: Key, run: (attempt: Attempt, keyFlags: string[], input: Buffer) => Promise<boolean>): Promise<boolean> {
  const asksPim = pim !== undefined && !isZero(pim);
  if (asksPim && !isDigits(pim)) return false;
  const input = asksPim ? lines(passphrase, pim) : passphrase.length === 0 ? Buffer.from("\n") : passphrase;
  const keyFlags = [
    ...files.flatMap((file) => ["--key-file", file]),
    ...(asksPim ? ["--veracrypt-query-pim"] : typeof options.pim === "number" ? ["--veracrypt-pim", String(options.pim)] : []),
  ];
  try {
    for (const [index, attempt] of attempts.entries()) {
      if (attempts.length > 1) ctx.ask.showWaiting(`${attempt.about}: ${index + 1} of ${attempts.length} that it may be`);
      if (await run(attempt, keyFlags, input)) return true;
    }
    return false;
  } finally {
    if (input !== passphrase) input.fill(0);
    ctx.ask.showWaiting(undefined);
  }
}

/** Two lines in memory of their own. */
function lines(first: Buffer, second: Buffer): Buffer {
  const both = Buffer.allocUnsafeSlow(first.length + 1 + second.length);
  first.copy(both);
  both[first.length] = LINE_FEED;
  second.copy(both, first.length + 1);
  return both;
}

const isDigits = (bytes: Buffer): boolean => bytes.length <= 7 && bytes.every((byte) => byte >= ZERO && byte <= ZERO + 9);
const isZero = (bytes: Buffer): boolean => isDigits(bytes) && bytes.every((byte) => byte === ZERO);
