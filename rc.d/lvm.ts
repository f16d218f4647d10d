// KEYWORD:  lvm
// FIELDS:   device options
// OPTIONS:  vg-uuid
// MODULES:  dm_mod
// PROGRAMS: lvm dmsetup
import type { Context } from "../src/core/rc/types.ts";

// No udev runs here, so libdm makes the nodes itself, and lvm looks at /dev and not at udev's database.
const ENV = { PATH: "/usr/sbin:/usr/bin", DM_DISABLE_UDEV: "1", LVM_SUPPRESS_FD_WARNINGS: "1" };
const CONFIG = "devices/external_device_info_source=none devices/use_devicesfile=0 activation/monitoring=0 global/event_activation=0";

/** Activates the one logical volume that is named, VG/LV, when all of its physical volumes are there. */
export default async function run(ctx: Context): Promise<string> {
  const { device, options } = ctx.realroot;
  const vgUuid = typeof options["vg-uuid"] === "string" ? options["vg-uuid"] : undefined;
  const volume = await ctx.volumes.findLogical(device, vgUuid);
  const { vg, lv, active } = volume.lv!;
  const mapping = `${doubleDashes(vg)}-${doubleDashes(lv)}`;
  if (!active) {
    await ctx.system.opens(mapping);
    await ctx.exec("lvm", ["lvchange", "--activate", "y", "--ignoremonitoring", "--config", CONFIG, `${vg}/${lv}`], { env: ENV });
    ctx.log.step(`activated ${vg}/${lv}`);
  }
  return `/dev/mapper/${mapping}`;
}

/** LVM's device-mapper names join VG and LV with a dash and double the dashes inside each; lvm2, lib/misc/lvm-string.c. */
const doubleDashes = (name: string) => name.replaceAll("-", "--");
