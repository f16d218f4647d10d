import type { Context } from "../rc/types.ts";
import { planAttempts } from "./attempts.ts";
import type { TcryptOptions } from "./options.ts";

const ENV = { PATH: "/usr/sbin:/usr/bin", DM_DISABLE_UDEV: "1" };
/** Exit code; cryptsetup(8), "RETURN CODES". */
const WRONG_PASSPHRASE = 2;
/** Bytes of one read of the tcplay program for a passphrase, of which it takes the first 64; tcplay 1.1, io.c, read_passphrase. */
const TCPLAY_RECORD_BYTES = 255;
const MAX_TCPLAY_BYTES = 64;
const LINE_FEED = 0x0a;
const ZERO = 0x30;

/** The first cryptsetup that derives keys for VeraCrypt with BLAKE2s; its release notes. An older one calls every passphrase wrong. */
const BLAKE2S_VERSION = [2, 7] as const;

/** Throws when the options name a hash that this cryptsetup is too old for. */
export async function checkCryptsetup(ctx: Context, { engine, hash }: TcryptOptions): Promise<void> {
  if (engine !== "cryptsetup" || hash !== "blake2s") return;
  const { stdout } = await ctx.exec("cryptsetup", ["--version"], { env: ENV });
  const [, version, major = 0, minor = 0] = /^cryptsetup ((\d+)\.(\d+)\S*)/.exec(stdout) ?? [];
  if (Number(major) > BLAKE2S_VERSION[0] || (Number(major) === BLAKE2S_VERSION[0] && Number(minor) >= BLAKE2S_VERSION[1])) return;
  throw lackingHash(ctx, ctx.realroot.device, `blake2s: it is ${version ?? "of no version that is known"}, and ${BLAKE2S_VERSION.join(".")} is the first that has it`);
}

/**
 * Tries a passphrase on every header and key derivation that the options leave; false when none opens. More than one is shown
 * while it goes on. Throws when cryptsetup has another reason, or lacks the hash that the options name.
 */
export async function openWithCryptsetup(ctx: Context, device: string, name: string, options: TcryptOptions, secret: { passphrase: Buffer; pim: Buffer | undefined }, keyFiles: string[]): Promise<boolean> {
  const attempts = planAttempts(options);
  const asksPim = secret.pim !== undefined && !isZero(secret.pim);
  if (asksPim && !isDigits(secret.pim!)) return false;
  const input = asksPim ? lines(secret.passphrase, secret.pim!) : secret.passphrase.length === 0 ? Buffer.from("\n") : secret.passphrase;
  const common = [
    ...keyFiles.flatMap((file) => ["--key-file", file]),
    ...(asksPim ? ["--veracrypt-query-pim"] : typeof options.pim === "number" ? ["--veracrypt-pim", String(options.pim)] : []),
    ...(options.readonly ? ["--readonly"] : []),
    ...(options.discard ? ["--allow-discards"] : []),
    device, name,
  ];
  try {
    for (const [index, { about, args }] of attempts.entries()) {
      if (attempts.length > 1) ctx.ask.showWaiting(`${about}: ${index + 1} of ${attempts.length} that it may be`);
      const { exitCode, stdout, stderr } = await ctx.exec("cryptsetup", ["open", "--type", "tcrypt", "--verbose", ...args, ...common], { input, env: ENV, accept: [WRONG_PASSPHRASE] });
      if (exitCode === 0) return true;
      const [, lacking] = /hash algorithm (\S+) not available/.exec(stdout + stderr) ?? [];
      if (lacking !== undefined && options.hash !== undefined) throw lackingHash(ctx, device, lacking);
      if (lacking !== undefined) ctx.log.debug(`${about}: cryptsetup here lacks the hash ${lacking}`);
    }
    return false;
  } finally {
    if (input !== secret.passphrase) input.fill(0);
    ctx.ask.showWaiting(undefined);
  }
}

/** Opens a TrueCrypt volume with the tcplay program, which looks for an outer and a hidden one; false when there is none. */
export async function openWithTcplay(ctx: Context, device: string, name: string, options: TcryptOptions, secret: { passphrase: Buffer; hidden: Buffer | undefined }, files: { outer: string[]; hidden: string[] }): Promise<boolean> {
  const args = [
    "--map", name, "--device", device,
    ...files.outer.flatMap((file) => ["--keyfile", file]),
    ...(options.protectHidden ? ["--protect-hidden"] : []),
    ...files.hidden.flatMap((file) => ["--keyfile-hidden", file]),
    ...(typeof options.system === "string" ? ["--system-encryption", options.system] : options.system ? ["--fde"] : []),
    ...(options.backup ? ["--use-backup"] : []),
  ];
  const input = tcplayInput([secret.passphrase, ...(secret.hidden === undefined ? [] : [secret.hidden])]);
  try {
    const { exitCode, stdout, stderr } = await ctx.exec("tcplay", args, { input, env: ENV, accept: [1, 255] });
    if (exitCode === 0) return true;
    if (/Incorrect password/.test(stdout + stderr)) return false;
    throw ctx.failure({ tried: "opening with the tcplay program", on: device, found: (stdout + stderr).trim().split("\n").slice(-3).join("; ") });
  } finally {
    input.fill(0);
  }
}

/** What the tcplay program reads, one passphrase at each read(2): records of a fixed length, filled with zeros. */
function tcplayInput(passphrases: Buffer[]): Buffer {
  const input = Buffer.alloc(passphrases.length * TCPLAY_RECORD_BYTES);
  passphrases.forEach((passphrase, i) => passphrase.copy(input, i * TCPLAY_RECORD_BYTES, 0, MAX_TCPLAY_BYTES));
  return input;
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

function lackingHash(ctx: Context, device: string, hash: string): Error {
  return ctx.failure({
    tried: "deriving the header key",
    on: device,
    found: `the cryptsetup of this image lacks the hash ${hash}`,
    next: "choose another hash in VeraCrypt (Volumes, Set Header Key Derivation Algorithm)",
  });
}
