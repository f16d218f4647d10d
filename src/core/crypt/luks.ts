import type { MkinitrdError } from "../errors.ts";
import type { Context, OpenVolume } from "../rc/types.ts";

/** Where a LUKS header lies: at the front of its volume, or on a device or in a file of its own. */
export interface LuksHeader {
  path: string;
  /** Undefined for a file. */
  volume?: OpenVolume;
  detached: boolean;
}

const LIMIT_MS = 60_000;

/** Finds a volume's header: `detached` is a path of the image or a device. Throws when it is missing, or no LUKS header. */
export async function findHeader(ctx: Context, volume: OpenVolume, detached: string | undefined): Promise<LuksHeader> {
  if (detached === undefined) return { path: volume.path, volume: checked(ctx, volume), detached: false };
  const isFile = detached.startsWith("/") && !detached.startsWith("/dev/");
  if (!isFile) {
    const device = await ctx.volumes.find(detached);
    return { path: device.path, volume: checked(ctx, device), detached: true };
  }
  if (await ctx.system.exists(detached)) return { path: detached, detached: true };
  throw ctx.failure({
    tried: `looking for the LUKS header of ${volume.name}`,
    on: detached,
    found: "no such file in the image",
    next: "bring it in by files: in mkinitrd.config.yaml, or name a device: header=PARTLABEL=…",
  });
}

/** The UUID that the header states; needed for a mapping's name where the spec has none. */
export async function readUuid(ctx: Context, { path, volume }: LuksHeader, env: Record<string, string>): Promise<string> {
  if (volume?.content?.uuid !== undefined) return volume.content.uuid;
  return (await ctx.exec("cryptsetup", ["luksUUID", path], { env, timeoutMs: LIMIT_MS })).stdout.trim();
}

/** Refuses before the person types, when no keyslot could be tried in the memory that there is. */
export async function checkMemory(ctx: Context, { volume }: LuksHeader): Promise<void> {
  const freeBytes = await ctx.system.availableMemoryBytes();
  const wantedBytes = volume?.content?.kdfMemoryBytes?.least ?? 0;
  if (volume !== undefined && wantedBytes > freeBytes) throw memoryFailure(ctx, volume.name, wantedBytes, freeBytes);
}

/** cryptsetup ran out of memory: says how much the dearest keyslot wants. */
export async function explainMemory(ctx: Context, { path, volume }: LuksHeader, cause: unknown): Promise<MkinitrdError> {
  const most = volume?.content?.kdfMemoryBytes?.most ?? 0;
  return memoryFailure(ctx, volume?.name ?? path, most, await ctx.system.availableMemoryBytes(), cause);
}

function checked(ctx: Context, volume: OpenVolume): OpenVolume {
  if (volume.content?.type === "crypto_LUKS") return volume;
  throw ctx.failure({
    tried: "unlocking",
    on: volume.name,
    found: volume.damage ?? `${volume.content?.type ?? "nothing that is known here"}, and no LUKS header`,
    next: "check which device the realroot names: blkid shows what each one holds; a header elsewhere is header=PATH or header=DEVICE",
  });
}

function memoryFailure(ctx: Context, on: string, wantedBytes: number, freeBytes: number, cause?: unknown): MkinitrdError {
  const mib = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
  return ctx.failure({
    tried: "deriving the key",
    on,
    found: wantedBytes === 0 ? `not enough memory for a keyslot: ${mib(freeBytes)} are free` : `a keyslot wants ${mib(wantedBytes)} of memory, and ${mib(freeBytes)} are free`,
    next: "give the machine more memory, or add a keyslot that wants less: cryptsetup luksAddKey --pbkdf-memory",
    cause,
  });
}
