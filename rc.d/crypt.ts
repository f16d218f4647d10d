// KEYWORD:   crypt
// ENCRYPTED: yes
// FIELDS:    device name options
// OPTIONS:   discard readonly keyfile keyfile-offset keyfile-size keyfile-timeout header keyslot tries
// OPTIONS:   no-read-workqueue no-write-workqueue same-cpu-crypt submit-from-crypt-cpus
// OPTIONS:   type cipher size hash offset skip sector-size
// MODULES:   dm_mod dm_crypt xts ecb? cbc? essiv? sha256_generic? aes_generic? aesni_intel? algif_skcipher?
// PROGRAMS:  cryptsetup dmsetup
// LIBRARIES: libgcc_s.so.1
import { openArguments } from "../src/core/crypt/arguments.ts";
import { checkMemory, explainMemory, findHeader, type LuksHeader, readUuid } from "../src/core/crypt/luks.ts";
import { type CryptOptions, parseCryptOptions } from "../src/core/crypt/options.ts";
import type { MkinitrdError } from "../src/core/errors.ts";
import type { Context, FindOptions, OpenVolume } from "../src/core/rc/types.ts";

// Exit codes; cryptsetup(8), "RETURN CODES".
const WRONG_PASSPHRASE = 2;
const OUT_OF_MEMORY = 3;
const ENV = { PATH: "/usr/sbin:/usr/bin", DM_DISABLE_UDEV: "1" };
/** Deriving a key may take minutes on a slow machine; a disk that does not answer would take forever. */
const OPEN_LIMIT_MS = 15 * 60_000;

/** So long the person is not asked while the device of the key file may still come. */
const KEY_FILE_ALONE_MS = 2000;

/** Opens the volume that the stage names, LUKS or plain dm-crypt, as /dev/mapper/NAME: by its key file, else by passphrase. */
export default async function run(ctx: Context): Promise<string> {
  const options = readOptions(ctx);
  const volume = await ctx.volumes.find(ctx.realroot.device);
  if (ctx.realroot.name !== undefined && (await ctx.system.exists(`/dev/mapper/${ctx.realroot.name}`))) return `/dev/mapper/${ctx.realroot.name}`;
  if (options.type === "plain" && volume.content?.type === "crypto_LUKS") throw holdsLuks(ctx, volume);
  const header = options.type === "luks" ? await findHeader(ctx, volume, options.header) : undefined;
  const name = await mappingName(ctx, header);
  const mapping = `/dev/mapper/${name}`;
  if (await ctx.system.exists(mapping)) return mapping;
  if (header !== undefined) await checkMemory(ctx, header);
  await ctx.system.opens(name);
  await openByAny(ctx, options, volume, header, oneByOne((key, from) => openWith(ctx, options, { path: volume.path, name, ...(header?.detached ? { header: header.path } : {}) }, header, key, from)));
  ctx.log.mark("key accepted");
  ctx.log.step(`opened ${volume.name} as ${mapping}`);
  return mapping;
}

/** Whether the key was the right one. */
type Open = (key: Buffer, from: "file" | "typed") => Promise<boolean>;

function readOptions(ctx: Context): CryptOptions {
  const options = parseCryptOptions(ctx.realroot.options);
  if (!("reason" in options)) return options;
  throw ctx.failure({ tried: `reading the option ${options.key} of the realroot`, on: ctx.realroot.device, found: options.reason, next: options.next });
}

/** Opened as plain its own header would be taken for data. */
function holdsLuks(ctx: Context, volume: OpenVolume): MkinitrdError {
  return ctx.failure({ tried: "opening a plain volume", on: volume.name, found: "a LUKS header", next: "leave type=plain out of the realroot" });
}

async function mappingName(ctx: Context, header: LuksHeader | undefined): Promise<string> {
  if (ctx.realroot.name !== undefined) return ctx.realroot.name;
  if (header !== undefined) return `luks-${await readUuid(ctx, header, ENV)}`;
  throw ctx.failure({
    tried: "naming the mapping",
    on: ctx.realroot.device,
    found: "no name in the realroot, and a plain volume has no UUID to make one of",
    next: "name it: crypt:FSTYPE:DEVICE:NAME:type=plain,…",
  });
}

/** Keys may come from two sides: they are tried one by one, and none any more when one has opened the volume. */
function oneByOne(open: Open): Open {
  let isOpen: Promise<boolean> = Promise.resolve(false);
  return (key, from) => (isOpen = isOpen.catch(() => false).then((already) => already || open(key, from)));
}

/**
 * By the key file, else by passphrase. While the key file's device does not come the person is asked already: whichever
 * opens the volume first takes the other away.
 */
async function openByAny(ctx: Context, options: CryptOptions, volume: OpenVolume, header: LuksHeader | undefined, open: Open): Promise<void> {
  const [typed, found] = [new AbortController(), new AbortController()];
  const soonMs = Math.min(options.keyFile?.timeoutMs ?? Infinity, KEY_FILE_ALONE_MS);
  const isLast = soonMs < KEY_FILE_ALONE_MS;
  const soon = await openByKeyFile(ctx, options, volume, open, { timeoutMs: soonMs, isLast });
  if (soon === "opened") return;
  const byFile = soon === "absent" && !isLast ? openByKeyFile(ctx, options, volume, open, { signal: typed.signal, isLast: true }) : Promise.resolve(soon);
  void byFile.then((outcome) => outcome === "opened" && found.abort(), () => {});
  try {
    const outcome = await openByPassphrase(ctx, options, volume, header, open, found.signal).catch(async (error: Partial<MkinitrdError>) => {
      if (error.exhausted === true || (await byFile) !== "opened") throw error; // nobody can be asked: there is still the key file
      return "withdrawn";
    });
    if (outcome === "withdrawn" && (await byFile) !== "opened") {
      throw ctx.failure({ tried: "opening", on: volume.path, found: "the question for its passphrase was taken away, and no key file has opened it", next: "retry" });
    }
  } finally {
    typed.abort();
  }
}

/**
 * Opens by the key file, if there is one; what is wrong with it is said, and the person is asked then. `absent`: its device is
 * not there yet, which is said only when nobody looks again.
 */
async function openByKeyFile(ctx: Context, { keyFile, plain }: CryptOptions, volume: OpenVolume, open: Open, { isLast, ...wait }: FindOptions & { isLast: boolean }): Promise<"opened" | "absent" | "no"> {
  if (keyFile === undefined) return "no";
  const { place, ...part } = keyFile;
  const sizeBytes = plain === undefined ? part.sizeBytes : plain.keyBits / 8; // the key itself
  let key: Buffer | undefined;
  try {
    key = await ctx.keyFiles.read(place, { ...part, ...(sizeBytes === undefined ? {} : { sizeBytes }), ...wait });
  } catch (error) {
    const isAbsent = ctx.isAbsent((error as Error).cause);
    if ((isLast || !isAbsent) && !wait.signal?.aborted) ctx.log.warn(`${volume.name}: ${firstLine(error)}; asking for the passphrase`);
    return isAbsent ? "absent" : "no";
  }
  try {
    if (await open(key, "file")) return "opened";
    ctx.log.warn(`${volume.name}: the key file ${place} does not open it; asking for the passphrase`);
    return "no";
  } finally {
    key.fill(0);
  }
}

async function openByPassphrase(ctx: Context, { tries }: CryptOptions, volume: OpenVolume, header: LuksHeader | undefined, open: Open, signal: AbortSignal): Promise<"opened" | "withdrawn"> {
  const label = header?.volume?.content?.label ?? volume.partition?.partLabel;
  const outcome = await ctx.ask.unlock({ volume: volume.name, ...(label ? { label } : {}), attempts: tries, signal }, async (passphrase, { number }) => {
    if (await open(passphrase, "typed")) return true;
    ctx.log.debug(number === 0 ? `${volume.name}: the passphrase of another volume does not open it` : `attempt ${number} of ${tries} on ${volume.name}: the passphrase does not open it`);
    return false;
  });
  if (outcome !== "exhausted") return outcome;
  throw ctx.failure({
    tried: "unlocking",
    on: volume.name,
    found: `${tries} ${tries === 1 ? "passphrase" : "passphrases"}, none fits`,
    next: "check the keyboard layout and Caps Lock, then choose Retry",
    exhausted: true,
  });
}

async function openWith(ctx: Context, options: CryptOptions, target: { path: string; name: string; header?: string }, header: LuksHeader | undefined, key: Buffer, from: "file" | "typed"): Promise<boolean> {
  try {
    await ctx.exec("cryptsetup", openArguments(options, target, from), { input: key, env: ENV, timeoutMs: OPEN_LIMIT_MS });
  } catch (error) {
    if (header !== undefined && ctx.exitCode(error) === OUT_OF_MEMORY) throw await explainMemory(ctx, header, error);
    if (ctx.exitCode(error) !== WRONG_PASSPHRASE) throw notOpened(ctx, target.path, error);
    return false;
  }
  return options.type === "luks" || isReadable(ctx, target.name);
}

/** Most likely the disk has gone, or does not answer. */
function notOpened(ctx: Context, path: string, cause: unknown): MkinitrdError {
  const { found = firstLine(cause) } = cause as Partial<MkinitrdError>;
  return ctx.failure({ tried: "unlocking", on: path, found: `cryptsetup: ${found}`, next: "check that the disk is still attached and answers, then choose Retry", cause });
}

/** A plain volume opens with any key: the wrong one makes noise of it, and is closed again. */
async function isReadable(ctx: Context, name: string): Promise<boolean> {
  const opened = (await ctx.volumes.scan()).find(({ dm }) => dm?.name === name);
  if (opened?.content !== undefined || opened?.damage !== undefined) return true;
  await ctx.exec("cryptsetup", ["close", name], { env: ENV });
  return false;
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/(; there is:)?\s*\n.*$/s, "");
}
