// KEYWORD:   tcplay
// ENCRYPTED: yes
// FIELDS:    device name options
// OPTIONS:   type hash cipher hidden pim tries readonly discard backup system keyfile+ no-passphrase protect-hidden keyfile-hidden+ engine
// MODULES:   dm_mod dm_crypt algif_skcipher xts ecb? cbc? lrw? aes_generic? aesni_intel? twofish_generic? serpent_generic?
// MODULES:   camellia_generic? kuznyechik_generic? cast5_generic? des_generic? sha256_generic?
// MODULES:   twofish-x86_64-3way? twofish-avx-x86_64? serpent-sse2-x86_64? serpent-avx-x86_64? serpent-avx2? camellia-x86_64?
// PROGRAMS:  cryptsetup dmsetup tcplay?
// LIBRARIES: libgcc_s.so.1 ossl-modules/legacy.so
import type { Context, OpenVolume, UnlockAttempt } from "../src/core/rc/types.ts";
import { HASH_NAMES } from "../src/core/formats/truecrypt-kdf.ts";
import { opensByCopy, openWithCryptsetup, planSearch, type Search } from "../src/core/tcrypt/cryptsetup.ts";
import { readTcryptOptions, type TcryptOptions } from "../src/core/tcrypt/options.ts";
import { checkTcplay, openWithTcplay } from "../src/core/tcrypt/tcplay.ts";

/** A header and a sector behind it, as containers before TrueCrypt 6 were laid out. */
const LEAST_BYTES = 1024;

/** Opens the TrueCrypt or VeraCrypt volume that the stage names, as /dev/mapper/NAME. */
export default async function run(ctx: Context): Promise<string> {
  const options = readTcryptOptions(ctx.realroot.options);
  if ("reason" in options) {
    throw ctx.failure({ tried: `reading the option ${options.key} of the realroot`, on: ctx.realroot.device, found: options.reason, next: options.next });
  }
  const volume = await ctx.volumes.find(ctx.realroot.device);
  await checkDevice(ctx, volume, options);
  const name = ctx.realroot.name ?? `tcrypt-${volume.path.replace(/^\/dev\/(mapper\/)?/, "").replaceAll("/", "-")}`;
  const mapping = `/dev/mapper/${name}`;
  if (await ctx.system.exists(mapping)) return mapping;
  const search = options.engine === "cryptsetup" ? await planSearch(ctx, options) : undefined;
  if (search === undefined) await checkTcplay(ctx);
  // A cascade is a stack of mappings, named after the topmost one: under NAME lie cryptsetup's NAME_1 and
  // NAME_2, the tcplay program's NAME.0 and NAME.1. What is noted last is closed first.
  for (const part of [`${name}_2`, `${name}_1`, `${name}.1`, `${name}.0`, name]) await ctx.system.opens(part);
  const open = async (passphrase: Buffer, { number, isLast }: UnlockAttempt) => {
    const outcome = await tryOnce(ctx, volume, name, options, search, { passphrase, isLast });
    if (outcome === "copy") throw opensCopyOnly(ctx, volume);
    if (outcome === "nothing") ctx.log.debug(`attempt ${number} of ${options.tries} on ${volume.name}: no header opens with this passphrase`);
    return outcome === "opened";
  };
  // Each of several things that a volume may be takes a key derivation of its own.
  const reuse = search?.attempts.length === 1 && options.pim !== "ask";
  if (await openAny(ctx, volume, options, reuse, open)) {
    ctx.log.mark("key accepted");
    ctx.log.step(`opened ${volume.name} as ${mapping}`);
    return mapping;
  }
  throw ctx.failure({
    tried: "unlocking",
    on: volume.name,
    found: `${options.noPassphrase ? "the key files alone do not open" : `${options.tries} ${options.tries === 1 ? "passphrase" : "passphrases"}, none opens`} ${describeSearch(search)}`,
    exhausted: !options.noPassphrase,
    next: "check the keyboard layout, Caps Lock, PIM and key files, and that the volume is of a type and hash tried here, then choose Retry; when its header is damaged, the option backup opens it by the copy at its end",
  });
}

/** Whether `open` succeeds with a passphrase that is typed, or with none where the key files are all there is. */
async function openAny(ctx: Context, volume: OpenVolume, options: TcryptOptions, reuse: boolean, open: (passphrase: Buffer, attempt: UnlockAttempt) => Promise<boolean>): Promise<boolean> {
  if (!options.noPassphrase) {
    const question = { ...named(volume), wrong: "Wrong passphrase: it opens no header.", attempts: options.tries, reuse };
    return (await ctx.ask.unlock(question, open)) === "opened";
  }
  const tries = options.pim === "ask" ? options.tries : 1;
  for (let number = 1; number <= tries; number++) {
    if (await open(Buffer.alloc(0), { number, isLast: number === tries })) return true;
  }
  return false;
}

function named(volume: OpenVolume): { volume: string; label?: string } {
  const label = volume.partition?.partLabel;
  return { volume: volume.name, ...(label ? { label } : {}) };
}

/**
 * Asks for what else is to be typed, and tries it. `copy`: it opens nothing but the copy of a header at the device's end, which is looked at
 * when nothing more will be asked.
 */
async function tryOnce(ctx: Context, volume: OpenVolume, name: string, options: TcryptOptions, search: Search | undefined, { passphrase, isLast }: { passphrase: Buffer; isLast: boolean }): Promise<"opened" | "nothing" | "copy"> {
  const secrets: Buffer[] = [];
  const ask = async (what: string) => {
    const secret = await ctx.ask.passphrase({ ...named(volume), what });
    secrets.push(secret);
    return secret;
  };
  try {
    if (search === undefined) {
      const hidden = options.protectHidden ? await ask("Hidden volume's passphrase") : undefined;
      return await ctx.keyFiles.withPaths([...options.keyFiles, ...options.hiddenKeyFiles], async (paths) => {
        const files = { outer: paths.slice(0, options.keyFiles.length), hidden: paths.slice(options.keyFiles.length) };
        return (await openWithTcplay(ctx, volume.path, name, options, { passphrase, hidden }, files)) ? "opened" : "nothing";
      });
    }
    const pim = options.pim === "ask" ? await ask("PIM (0 for none)") : undefined;
    return await ctx.keyFiles.withPaths(options.keyFiles, async (files) => {
      if (await openWithCryptsetup(ctx, volume.path, name, options, search, { passphrase, pim, files })) return "opened";
      return isLast && (await opensByCopy(ctx, volume.path, options, { passphrase, pim, files })) ? "copy" : "nothing";
    });
  } finally {
    for (const secret of secrets) secret.fill(0);
  }
}

/** What was tried, for a person. */
function describeSearch(search: Search | undefined): string {
  if (search === undefined) return "a TrueCrypt header";
  const { attempts, lacking } = search;
  const tried = attempts.filter(({ hash }) => hash === undefined || !lacking.has(hash)).map(({ about }) => about).join("; ");
  return `one of: ${tried}${lacking.size === 0 ? "" : `; the cryptsetup of this image lacks ${[...lacking].map((hash) => HASH_NAMES[hash]).join(" and ")}`}`;
}

function opensCopyOnly(ctx: Context, volume: OpenVolume): Error {
  return ctx.failure({
    tried: "unlocking",
    on: volume.name,
    found: "the last passphrase opens the copy of the header at the device's end, and not the header at its start: that one is damaged, or from before or after a change of the passphrase",
    next: "put the option backup behind the realroot's; then restore the header with TrueCrypt or VeraCrypt (Tools, Restore Volume Header)",
  });
}

/** Refuses what can't be such a volume before the person types. */
async function checkDevice(ctx: Context, volume: OpenVolume, { system, backup }: TcryptOptions): Promise<void> {
  const refuse = (found: string, next: string) => ctx.failure({ tried: "unlocking", on: volume.name, found, next });
  if (typeof system === "string") {
    const disk = await ctx.volumes.find(system);
    if (volume.name !== disk.name && volume.parent !== disk.name) throw refuse(`it is no partition of ${disk.name}, which system= names`, "name the disk whose partition this is");
  }
  if (volume.sizeBytes < LEAST_BYTES) {
    throw refuse(`${volume.sizeBytes} bytes; a TrueCrypt header and one sector take ${LEAST_BYTES}`, "check which device the realroot names");
  }
  if (volume.content === undefined || volume.content.mayBeRemains || system !== false || backup) return;
  throw refuse(`${volume.content.type}, where a TrueCrypt volume has nothing that can be told from noise`,
    "check which device the realroot names; when its header was overwritten, the option backup opens it by the copy at its end");
}
