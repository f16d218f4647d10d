// KEYWORD:   tcplay
// ENCRYPTED: yes
// FIELDS:    device name options
// OPTIONS:   type hash cipher hidden pim tries readonly discard backup system keyfile+ no-passphrase protect-hidden keyfile-hidden+ engine
// MODULES:   dm_mod dm_crypt algif_skcipher xts ecb? cbc? lrw? aes_generic? aesni_intel? twofish_generic? serpent_generic?
// MODULES:   camellia_generic? kuznyechik_generic? cast5_generic? des_generic? sha256_generic?
// MODULES:   twofish-x86_64-3way? twofish-avx-x86_64? serpent-sse2-x86_64? serpent-avx-x86_64? serpent-avx2? camellia-x86_64?
// PROGRAMS:  cryptsetup dmsetup tcplay?
// LIBRARIES: libgcc_s.so.1 ossl-modules/legacy.so
import type { Context, OpenVolume } from "../src/core/rc/types.ts";
import { planAttempts } from "../src/core/tcrypt/attempts.ts";
import { readTcryptOptions, type TcryptOptions } from "../src/core/tcrypt/options.ts";
import { checkCryptsetup, openWithCryptsetup, openWithTcplay } from "../src/core/tcrypt/engines.ts";

/** A header and a sector behind it, as containers before TrueCrypt 6 were laid out. */
const LEAST_BYTES = 1024;

/** Opens the TrueCrypt or VeraCrypt volume that the stage names, as /dev/mapper/NAME. */
export default async function run(ctx: Context): Promise<string> {
  const options = readTcryptOptions(ctx.realroot);
  if ("reason" in options) {
    throw ctx.failure({ tried: `reading the option ${options.option} of the realroot`, on: ctx.realroot.device, found: options.reason, next: options.next });
  }
  const volume = await ctx.volumes.find(ctx.realroot.device);
  await checkDevice(ctx, volume, options);
  await checkCryptsetup(ctx, options);
  const name = ctx.realroot.name ?? `tcrypt-${volume.path.replace(/^\/dev\/(mapper\/)?/, "").replaceAll("/", "-")}`;
  const mapping = `/dev/mapper/${name}`;
  if (await ctx.system.exists(mapping)) return mapping;
  // A cascade is a stack of mappings, named by both programs after the topmost one; what is noted last is closed first.
  for (const part of [`${name}_2`, `${name}_1`, `${name}.2`, `${name}.1`, name]) await ctx.system.opens(part);
  const tries = options.noPassphrase && options.pim !== "ask" ? 1 : options.tries;
  for (let attempt = 1; attempt <= tries; attempt++) {
    if (await tryOnce(ctx, volume, name, options, attempt)) {
      ctx.log.mark("key accepted");
      ctx.log.step(`opened ${volume.name} as ${mapping}`);
      return mapping;
    }
    ctx.log.debug(`attempt ${attempt} of ${tries} on ${volume.name}: no header opens with this passphrase`);
  }
  throw ctx.failure({
    tried: "unlocking",
    on: volume.name,
    found: `${options.noPassphrase ? "the key files alone do not open" : `${options.tries} passphrases, none opens`} ${options.engine === "tcplay" ? "a TrueCrypt header" : `one of: ${planAttempts(options).map(({ about }) => about).join("; ")}`}`,
    next: "check the keyboard layout, Caps Lock, PIM and key files, and that the volume is of a type and hash tried here, then choose Retry; when its header is damaged, the option backup opens it by the copy at its end",
  });
}

/** Asks for what is to be typed, and tries it; false when it opens nothing. */
async function tryOnce(ctx: Context, volume: OpenVolume, name: string, options: TcryptOptions, attempt: number): Promise<boolean> {
  const secrets: Buffer[] = [];
  const ask = async (what?: string) => {
    const label = volume.partition?.partLabel;
    const secret = await ctx.ask.passphrase({
      volume: volume.name, ...(label ? { label } : {}), ...(what === undefined ? {} : { what }), wrong: "Wrong passphrase: it opens no header.",
      attempt: what === undefined ? attempt : 1, attempts: options.tries,
    });
    secrets.push(secret);
    return secret;
  };
  try {
    const passphrase = options.noPassphrase ? Buffer.alloc(0) : await ask();
    if (options.engine === "tcplay") {
      const hidden = options.protectHidden ? await ask("Hidden volume's passphrase") : undefined;
      return await ctx.keyFiles.withPaths([...options.keyFiles, ...options.hiddenKeyFiles], (paths) => {
        const files = { outer: paths.slice(0, options.keyFiles.length), hidden: paths.slice(options.keyFiles.length) };
        return openWithTcplay(ctx, volume.path, name, options, { passphrase, hidden }, files);
      });
    }
    const pim = options.pim === "ask" ? await ask("PIM (0 for none)") : undefined;
    return await ctx.keyFiles.withPaths(options.keyFiles, (paths) => openWithCryptsetup(ctx, volume.path, name, options, { passphrase, pim }, paths));
  } finally {
    for (const secret of secrets) secret.fill(0);
  }
}

/** Refuses what can't be such a volume before the person types. */
async function checkDevice(ctx: Context, volume: OpenVolume, { system, backup }: TcryptOptions): Promise<void> {
  const refuse = (found: string, next: string) => ctx.failure({ tried: "unlocking", on: volume.name, found, next });
  if (typeof system === "string") {
    const disk = await ctx.volumes.find(system);
    if (volume.parent !== disk.name) throw refuse(`it is no partition of ${disk.name}, which system= names`, "name the disk whose partition this is");
  }
  if (volume.sizeBytes < LEAST_BYTES) {
    throw refuse(`${volume.sizeBytes} bytes; a TrueCrypt header and one sector take ${LEAST_BYTES}`, "check which device the realroot names");
  }
  if (volume.content === undefined || system !== false || backup) return;
  throw refuse(`${volume.content.type}, where a TrueCrypt volume has nothing that can be told from noise`,
    "check which device the realroot names; when its header was overwritten, the option backup opens it by the copy at its end");
}
