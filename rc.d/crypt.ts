// KEYWORD:   crypt
// ENCRYPTED: yes
// FIELDS:    device name options
// OPTIONS:   discard readonly keyslot tries
// MODULES:   dm_mod dm_crypt xts ecb? cbc? essiv? sha256_generic? aes_generic? aesni_intel? algif_skcipher?
// PROGRAMS:  cryptsetup dmsetup
// LIBRARIES: libgcc_s.so.1
import type { MkinitrdError } from "../src/core/errors.ts";
import type { Context, OpenVolume } from "../src/core/rc/types.ts";

const DEFAULT_ATTEMPTS = 3;
// Exit codes; cryptsetup(8), "RETURN CODES".
const WRONG_PASSPHRASE = 2;
const OUT_OF_MEMORY = 3;
const ENV = { PATH: "/usr/sbin:/usr/bin", DM_DISABLE_UDEV: "1" };

/** Opens the LUKS volume that the stage names, as /dev/mapper/NAME. */
export default async function run(ctx: Context): Promise<string> {
  const volume = await ctx.volumes.find(ctx.realroot.device);
  const name = ctx.realroot.name ?? `luks-${volume.content?.uuid ?? ""}`;
  const mapping = `/dev/mapper/${name}`;
  if (await ctx.system.exists(mapping)) return mapping;
  if (volume.content?.type !== "crypto_LUKS") {
    throw ctx.failure({
      tried: "unlocking",
      on: volume.name,
      found: volume.damage ?? `${volume.content?.type ?? "nothing that is known here"}, and no LUKS header`,
      next: "check which device the realroot names: mkinitrd inspect, or blkid, shows what each one holds",
    });
  }
  await checkMemory(ctx, volume);
  const attempts = countOption(ctx, "tries") ?? DEFAULT_ATTEMPTS;
  await ctx.system.opens(name);
  const args = ["open", "--type", "luks", "--key-file", "-", ...flags(ctx), volume.path, name];
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const label = volume.content.label ?? volume.partition?.partLabel;
    const passphrase = await ctx.ask.passphrase({ volume: volume.name, ...(label ? { label } : {}), attempt, attempts });
    try {
      await ctx.exec("cryptsetup", args, { input: passphrase, env: ENV });
      ctx.log.mark("key accepted");
      ctx.log.step(`opened ${volume.name} as ${mapping}`);
      return mapping;
    } catch (error) {
      if (ctx.exitCode(error) === OUT_OF_MEMORY) throw await explainMemory(ctx, volume, error);
      if (ctx.exitCode(error) !== WRONG_PASSPHRASE) throw error;
      ctx.log.debug(`attempt ${attempt} of ${attempts} on ${volume.name}: no keyslot opens with this passphrase`);
    } finally {
      passphrase.fill(0);
    }
  }
  throw ctx.failure({
    tried: "unlocking",
    on: volume.name,
    found: `${attempts} passphrases, none fits`,
    next: "check the keyboard layout and Caps Lock, then choose Retry",
  });
}

function flags(ctx: Context): string[] {
  const { options } = ctx.realroot;
  const keyslot = countOption(ctx, "keyslot");
  return [
    ...(options.discard ? ["--allow-discards"] : []),
    ...(options.readonly ? ["--readonly"] : []),
    ...(keyslot === undefined ? [] : ["--key-slot", String(keyslot)]),
  ];
}

/** An option that holds a whole number; throws when it holds anything else. */
function countOption(ctx: Context, key: string): number | undefined {
  const value = ctx.realroot.options[key];
  if (value === undefined) return undefined;
  if (typeof value === "string" && /^\d{1,4}$/.test(value)) return Number(value);
  throw ctx.failure({
    tried: `reading the option ${key} of the realroot`,
    on: ctx.realroot.device,
    found: value === true ? "no value" : `"${value}", which is no whole number`,
    next: `write ${key}=NUMBER`,
  });
}

/** Refuses before the person types, when no keyslot could be tried in the memory that there is. */
async function checkMemory(ctx: Context, volume: OpenVolume): Promise<void> {
  const freeBytes = await ctx.system.availableMemoryBytes();
  const wantedBytes = volume.content?.kdfMemoryBytes?.least ?? 0;
  if (wantedBytes > freeBytes) throw memoryFailure(ctx, volume, wantedBytes, freeBytes);
}

/** cryptsetup ran out of memory: says how much the dearest keyslot wants. */
async function explainMemory(ctx: Context, volume: OpenVolume, cause: unknown): Promise<MkinitrdError> {
  return memoryFailure(ctx, volume, volume.content?.kdfMemoryBytes?.most ?? 0, await ctx.system.availableMemoryBytes(), cause);
}

function memoryFailure(ctx: Context, volume: OpenVolume, wantedBytes: number, freeBytes: number, cause?: unknown): MkinitrdError {
  const mib = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
  return ctx.failure({
    tried: "deriving the key",
    on: volume.name,
    found: `a keyslot wants ${mib(wantedBytes)} of memory, and ${mib(freeBytes)} are free`,
    next: "give the machine more memory, or add a keyslot that wants less: cryptsetup luksAddKey --pbkdf-memory",
    cause,
  });
}
