import type { Stage } from "../core/realroot/types.ts";
import { findVolumes } from "../core/volumes/match.ts";
import type { Volume } from "../core/volumes/types.ts";
import { isArray, wholeArray } from "./arrays.ts";
import type { StageRunner } from "./stages.ts";

/** A stage that nobody named: a logical volume below what was named is activated as `lvm:none:VG/LV` would. */
export function lvmStage(device: string, vgUuid: string): Stage {
  return { kind: "lvm", fstype: "none", device, options: { "vg-uuid": vgUuid }, mountOptions: [] };
}

/**
 * The stage to serve when the wanted device isn't there: the one that makes the mapping of this name, which may be
 * waiting for us (and is an error then), else one that nobody has begun with and whose own device is there: it may
 * open what the wanted one lies on. A stage that would have to wait is not begun: it may be waiting for us.
 */
export function stageBelow(wanted: string, volumes: Volume[], stages: StageRunner, chain: Stage[]): Stage | undefined {
  const unserved = stages.unserved().filter((stage) => !chain.includes(stage));
  const namesMapping = (stage: Stage) => stage.name !== undefined && wanted === `/dev/mapper/${stage.name}`;
  const ready = (stage: Stage) => findVolumes(volumes, stage.device).some((volume) => volume.path !== undefined || wholeArray([volume]) !== undefined || (stage.kind === "md" && isArray(volume)));
  return chain.find(namesMapping) ?? unserved.find(namesMapping) ?? unserved.find(ready);
}
