import type { Target } from "../../core/dm/table.ts";
import type { VolumeGroup } from "../../core/volumes/lvm.ts";
import type { Volume } from "../../core/volumes/types.ts";

/** Modules of targets that are not in dm-mod itself. Linux drivers/md/Makefile. */
const TARGETS: Partial<Record<Target["type"], string[]>> = {
  crypt: ["dm_crypt"],
  verity: ["dm_verity"],
  writecache: ["dm_writecache"],
  mirror: ["dm_mirror"],
  snapshot: ["dm_snapshot"],
  "snapshot-merge": ["dm_snapshot"],
  "snapshot-origin": ["dm_snapshot"],
  "thin-pool": ["dm_thin_pool"],
  thin: ["dm_thin_pool"],
};

/** The kernel modules that activate a logical volume or start an array, each with the reason. */
export function driversOf({ lv, md }: Volume, groups: readonly VolumeGroup[]): { module: string; reason: string }[] {
  if (md !== undefined) return levelModules(md.level).map((module) => ({ module, reason: `${md.level} of ${md.devices}` }));
  const entry = groups.find(({ uuid }) => uuid === lv?.vgUuid)?.logicalVolumes.find(({ uuid }) => uuid === lv?.lvUuid);
  const targets = entry?.tables?.flatMap((table) => table.targets) ?? entry?.targets ?? [];
  const found = new Map(targets.flatMap((target) => targetModules(target).map((module) => [module, { module, reason: `a target ${target.type}` }] as const)));
  return [...found.values()];
}

function targetModules(target: Target): string[] {
  if (target.type === "raid") return ["dm_raid", ...levelModules(target.raidType)];
  if (target.type === "cache") return ["dm_cache", `dm-cache-${target.policy[0] ?? "default"}`];
  return TARGETS[target.type] ?? [];
}

/** md's personalities, by the name of a level, as md or dm-raid (`raid5_ls`) writes it. Linux drivers/md/Makefile. */
function levelModules(level: string): string[] {
  const [, number] = /^raid(10|[0-9])/.exec(level) ?? [];
  if (number === undefined) return [level]; // linear
  return [["4", "5", "6"].includes(number) ? "raid456" : `raid${number}`];
}
