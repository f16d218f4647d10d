import type { Source } from "../binary/source.ts";
import { struct, u32le, u64le } from "../binary/struct.ts";
import { MkinitrdError } from "../errors.ts";

/** Linux drivers/md/dm-raid.c, struct dm_raid_superblock; at the start of each metadata device. */
const superblock = struct("dm-raid superblock", 64, {
  magic: u32le(0), // "DmRd"
  arrayPosition: u32le(12), // the role of the device
  events: u64le(16),
  failedDevices: u64le(24), // a bit for each role
  diskRecoveryOffset: u64le(32), // in sectors; all ones when the device is whole
});
const MAGIC = 0x64526d44;
const WHOLE = 2n ** 64n - 1n;
/** Further ones are in another field, which no array here has. */
const MOST_DEVICES = 64;

/**
 * The roles whose devices are not whole: failed, as the newest superblock says, or being rebuilt. A device without a
 * superblock was never written to by an array, and counts as whole, as does one without a metadata device.
 */
export async function readStaleRoles(metadata: (Source | undefined)[]): Promise<Set<number>> {
  const found = await Promise.all(metadata.map(async (source, role) => {
    if (source === undefined) return [];
    const bytes = await source.read(0, superblock.sizeBytes).catch(() => undefined);
    // As the kernel: a device whose superblock can't be read is a failed one.
    if (bytes === undefined) return [{ role, events: 0n, failedDevices: 0n, diskRecoveryOffset: 0n }];
    const sb = superblock.decode(bytes);
    if (sb.magic !== MAGIC) return [];
    if (sb.arrayPosition === role) return [{ role, ...sb }];
    throw new MkinitrdError({ tried: "reading the dm-raid superblock", on: source.name, found: `it is that of device ${sb.arrayPosition}, its place is ${role}` });
  }));
  const all = found.flat();
  const newest = all.reduce((best, each) => (each.events > best ? each.events : best), 0n);
  const failed = all.filter(({ events }) => events === newest).reduce((bits, { failedDevices }) => bits | failedDevices, 0n);
  const stale = new Set(all.filter(({ diskRecoveryOffset }) => diskRecoveryOffset !== WHOLE).map(({ role }) => role));
  for (let role = 0; role < Math.min(metadata.length, MOST_DEVICES); role++) if ((failed >> BigInt(role)) & 1n) stale.add(role);
  return stale;
}
