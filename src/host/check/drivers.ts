import type { Target } from "../../core/dm/table.ts";
import { logicalVolumeOf, type VolumeGroup } from "../../core/volumes/lvm.ts";
import type { Volume } from "../../core/volumes/types.ts";
import { levelModule } from "../plan/machine.ts";

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
export function driversOf(volume: Volume, groups: readonly VolumeGroup[]): { module: string; reason: string }[] {
  const { md } = volume;
  if (md !== undefined) return [{ module: levelModule(md.level), reason: `${md.level} of ${md.devices}` }];
  const entry = logicalVolumeOf(volume, groups);
  const targets = entry?.tables?.flatMap((table) => table.targets) ?? entry?.targets ?? [];
  const found = new Map(targets.flatMap((target) => targetModules(target).map((module) => [module, { module, reason: `a target ${target.type}` }] as const)));
  return [...found.values()];
}

function targetModules(target: Target): string[] {
  if (target.type === "raid") return ["dm_raid", levelModule(/^raid(10|[0-9])/.exec(target.raidType)?.[0] ?? target.raidType)];
  if (target.type === "cache") return ["dm_cache", `dm-cache-${target.policy[0] ?? "default"}`];
  return TARGETS[target.type] ?? [];
}
