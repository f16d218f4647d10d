import type { Compiler } from "./compile.ts";
import type { LogicalVolume, VolumeGroup } from "./recipe.ts";

const STRIPE_SIZE = "64k";

/** Physical volumes, the group of them, and its logical volumes. */
export function createGroup({ step, atEnd, fill }: Compiler, group: VolumeGroup, pvs: string[]): void {
  // Nothing but these devices: other disks of the VM may hold a group of the same name.
  const lvm = (about: string, command: string, ...args: string[]): { about: string; program: string; args: string[] } =>
    ({ about, program: "lvm", args: [command, "--quiet", "--devices", pvs.join(","), ...args] });
  step(lvm(`physical volumes ${pvs.join(", ")}`, "pvcreate", "--yes", ...pvs));
  step(lvm(`volume group ${group.name}`, "vgcreate", "--yes", group.name, ...pvs));
  atEnd(lvm(`closing ${group.name}`, "vgchange", "--activate", "n", group.name));
  for (const lv of group.logicalVolumes) {
    step(lvm(`logical volume ${group.name}/${lv.name}`, "lvcreate", "--yes", "--zero", "n", "--wipesignatures", "n", "--name", lv.name, ...shape(lv), group.name));
    fill(mapperPath(group.name, lv.name), lv.content);
  }
}

/** The device-mapper node of a logical volume: a dash inside of a name is doubled. See lvm(8). */
function mapperPath(vg: string, lv: string): string {
  return `/dev/mapper/${vg.replaceAll("-", "--")}-${lv.replaceAll("-", "--")}`;
}

function shape({ sizeBytes, stripes }: LogicalVolume): string[] {
  const size = sizeBytes === undefined ? ["--extents", "100%FREE"] : ["--size", `${sizeBytes}b`];
  return stripes === 1 ? size : [...size, "--stripes", String(stripes), "--stripesize", STRIPE_SIZE];
}
