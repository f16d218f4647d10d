import { parseDevice } from "../../core/volumes/match.ts";
import { type BlockDevice, waysTo } from "./lsblk.ts";

/** The ways to the device that an fstab names: `UUID=…`, `LABEL=…`, `/dev/vg00/root`, `/dev/sda1`. */
export function namedWays(devices: readonly BlockDevice[], source: string): BlockDevice[][] {
  const named = parseDevice(source);
  return waysTo(devices, (device) => {
    if (named.by === "uuid") return device.uuid?.toLowerCase() === named.value.toLowerCase() && !isContainer(device);
    if (named.by === "label") return device.label === named.value && !isContainer(device);
    if (named.by === "partuuid") return device.partuuid?.toLowerCase() === named.value.toLowerCase();
    if (named.by === "lv") return device.type === "lvm" && logicalName(device) === `${named.vg}/${named.lv}`;
    return device.name === source || device.kname === source;
  });
}

/**
 * A volume that LVM keeps below another one: `root_rimage_0` of a RAID, `root-real` of an origin, `pool-tpool` of a thin pool. A logical
 * volume that is a physical one of another group is none.
 */
export function isHiddenVolume(device: BlockDevice, above: BlockDevice | undefined): boolean {
  return device.type === "lvm" && above?.type === "lvm" && device.fstype !== "LVM2_member";
}

/** `vg00/root` for /dev/mapper/vg00-root, whose dashes within a name are doubled. */
export function logicalName({ name }: BlockDevice): string {
  const [, vg = "", lv = ""] = /^\/dev\/mapper\/((?:[^-]|--)+)-((?:[^-]|--)+)$/.exec(name) ?? [];
  return [vg, lv].map((part) => part.replaceAll("--", "-")).join("/");
}

const isContainer = ({ fstype }: BlockDevice) => ["crypto_LUKS", "LVM2_member", "linux_raid_member"].includes(fstype ?? "");
