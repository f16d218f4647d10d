import type { Stage } from "../../core/realroot/types.ts";
import { areMembers, findVolumes, parseDevice } from "../../core/volumes/match.ts";
import type { Volume } from "../../core/volumes/types.ts";

/** Names that depend on the machine: another one has another /dev/vda2, and an image file has neither number nor serial number. */
const OF_A_MACHINE = ["path", "number", "link", "serial"];

/** What a stage names. */
export interface Named {
  /** Several where copies are attached; of a filesystem on several devices the first. */
  found: Volume[];
  /** The stage that makes it under this name, where that one's volume is not open here. */
  lockedBehind?: Stage;
  /** Nothing is found, and the name may be one of the machine that boots. */
  isOfMachine: boolean;
}

/** The volumes that a stage names; a mapping also by the name that one of the other stages gives it. */
export function namedBy(stage: Stage, stages: readonly Stage[], volumes: Volume[]): Named {
  const device = parseDevice(stage.device);
  const all = findVolumes(volumes, stage.device);
  if (all.length > 0) return { found: areMembers(all) ? all.slice(0, 1) : all, isOfMachine: false };
  const others = stages.filter((other) => other !== stage);
  const maker = device.by === "mapper" ? others.find(({ name }) => name === device.name) : undefined;
  if (maker === undefined) return { found: [], isOfMachine: OF_A_MACHINE.includes(device.by) };
  const [container] = namedBy(maker, others, volumes).found;
  const found = container === undefined ? [] : insidesOf(maker, container, volumes);
  return { found, isOfMachine: false, ...(found.length === 0 ? { lockedBehind: maker } : {}) };
}

/** What an encrypted volume was opened as: several where an outer volume and its hidden one are open, and the stage does not say which it wants. */
export function insidesOf({ kind, options: { hidden } }: Stage, container: Volume, volumes: readonly Volume[]): Volume[] {
  if (kind !== "crypt" && kind !== "tcplay") return [];
  const open = volumes.filter(({ below, dm, layer }) => layer === "mapping" && dm?.uuid.startsWith("CRYPT-VERITY") !== true && below?.includes(container.path ?? container.name) === true);
  const wanted = open.filter((volume) => isHidden(volume) === (hidden === "yes"));
  return (hidden === "yes" || hidden === "no") && wanted.length > 0 ? wanted : open;
}

/** Whether a mapping is the hidden volume of its container. */
export function isHidden({ openedBy }: Volume): boolean {
  return openedBy?.options["hidden"] === "yes";
}
