import type { LogicalVolumeRef } from "./types.ts";

// No udev runs in the image, so libdm makes the nodes itself, and lvm looks at /dev and not at udev's database.
export const LVM_ENV = { PATH: "/usr/sbin:/usr/bin", DM_DISABLE_UDEV: "1", LVM_SUPPRESS_FD_WARNINGS: "1" };
const CONFIG = "devices/external_device_info_source=none devices/scan_lvs=1 activation/monitoring=0 global/event_activation=0";

/** A disk of the group's own that does not answer ends the wait here. */
const TIME_LIMIT_MS = 120_000;
/** With the programs that check the metadata of thin and cache pools in the image: a large pool takes them minutes. */
const CHECKED_TIME_LIMIT_MS = 900_000;
const CHECKS = ["/usr/sbin/thin_check", "/usr/sbin/cache_check"];

/**
 * The arguments with which lvm(8) activates a logical volume and what it lies on. It sees the devices of this group alone:
 * neither a dead disk elsewhere nor a group of the same name is in its way.
 */
export function activationArguments({ devices = [], lv, missingPvs, vg }: LogicalVolumeRef): string[] {
  return [
    "lvchange", "--activate", "y",
    // With a snapshot its origin is activated, which LVM asks about; and a snapshot of a thin volume that is named is
    // meant, though LVM marks it to be skipped.
    "--yes", "--ignoreactivationskip",
    // What goes on in the background, a mirror's repair or a merge, is left to the real system: a process started here
    // would end with the initrd.
    "--ignoremonitoring", "--poll", "n",
    "--activationmode", missingPvs.length > 0 ? "degraded" : "complete",
    "--config", CONFIG, ...(devices.length > 0 ? ["--devices", devices.join(",")] : []),
    "--", `${vg}/${lv}`,
  ];
}

/** How long it may take. `exists` tells which files the image has. */
export async function activationLimitMs(exists: (path: string) => Promise<boolean>): Promise<number> {
  const checked = await Promise.all(CHECKS.map(exists));
  return checked.includes(true) ? CHECKED_TIME_LIMIT_MS : TIME_LIMIT_MS;
}
