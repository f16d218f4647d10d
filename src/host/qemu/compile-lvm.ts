import { mapperName } from "../../core/volumes/lvm-names.ts";
import type { Compiler } from "./compile.ts";
import type { LogicalVolume, VolumeGroup } from "./recipe.ts";

const STRIPE_SIZE = "64k";
const CACHE_SIZE = "8m";
/** The builder has no daemon that would watch them. */
const UNWATCHED = "activation/monitoring=0";

/** Physical volumes, the group of them, and its logical volumes. */
export function createGroup({ step, atEnd, fill }: Compiler, group: VolumeGroup, pvs: string[]): void {
  // Nothing but these devices: other disks of the VM may hold a group of the same name.
  const lvm = (about: string, command: string, ...args: string[]): { about: string; program: string; args: string[] } =>
    ({ about, program: "lvm", args: [command, "--quiet", "--devices", pvs.join(","), ...args] });
  step(lvm(`physical volumes ${pvs.join(", ")}`, "pvcreate", "--yes", ...pvs));
  step(lvm(`volume group ${group.name}`, "vgcreate", "--yes", group.name, ...pvs));
  atEnd(lvm(`closing ${group.name}`, "vgchange", "--activate", "n", group.name));
  for (const lv of group.logicalVolumes) {
    step(lvm(`logical volume ${group.name}/${lv.name}`, "lvcreate", "--yes", "--config", UNWATCHED, "--name", lv.name, ...shape(lv), lv.origin === undefined ? group.name : `${group.name}/${lv.origin}`));
    if (lv.type === "cache") step(lvm(`a cache for ${group.name}/${lv.name}`, "lvcreate", "--yes", "--config", UNWATCHED, "--type", "cache", "--size", CACHE_SIZE, `${group.name}/${lv.name}`));
    fill(`/dev/mapper/${mapperName(group.name, lv.name)}`, lv.content);
  }
}

function shape({ name, sizeBytes, stripes, type }: LogicalVolume): string[] {
  const size = sizeBytes === undefined ? ["--extents", "100%FREE"] : ["--size", `${sizeBytes}b`];
  const striped = stripes === 1 ? [] : ["--stripes", String(stripes), "--stripesize", STRIPE_SIZE];
  const raw = ["--zero", "n", "--wipesignatures", "n"];
  // New disks hold zeros on each leg, and so does their parity: there is nothing to make equal.
  const mirrored = ["--type", type, "--nosync"];
  switch (type) {
    case "mirror":
      return [...raw, ...mirrored, "--mirrors", "1", "--mirrorlog", "disk", ...size];
    case "raid1":
    case "raid10":
      return [...raw, ...mirrored, "--mirrors", "1", ...size, ...striped];
    case "raid5":
      return [...raw, ...mirrored, ...size, ...striped];
    case "thin":
      return ["--wipesignatures", "n", "--type", type, "--virtualsize", `${sizeBytes}b`, ...size, "--thinpool", `${name}_pool`];
    case "snapshot":
      return ["--type", type, ...size];
    case "linear":
    case "cache":
      return [...raw, ...size, ...striped];
  }
}
