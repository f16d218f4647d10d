import type { Stage } from "../core/realroot/types.ts";
import { describeMissing } from "../core/volumes/describe.ts";
import { findVolumes } from "../core/volumes/match.ts";
import type { ArrayRef, Volume } from "../core/volumes/types.ts";
import { AbsentError } from "./absent-error.ts";

export type ArrayVolume = Volume & { md: ArrayRef };

/** Contents that may hold volumes which nobody sees before the array is assembled. */
const MAY_HOLD_MORE = [undefined, "LVM2_member"];

/** Of these volumes an array that is not assembled, though all of its members are there. */
export function wholeArray(volumes: Volume[]): ArrayVolume | undefined {
  return volumes.filter(isArray).find(({ md }) => !md.active && md.missing.length === 0 && md.startable);
}

/** A whole array on which what is looked for may lie: what it holds can't be told from its members, or is a physical volume. */
export function promisingArray(volumes: Volume[], tried: ReadonlySet<string>): ArrayVolume | undefined {
  return wholeArray(volumes.filter(({ content, md }) => md !== undefined && !tried.has(md.uuid) && MAY_HOLD_MORE.includes(content?.type)));
}

/** The stage that names the array, or one that nobody named: it is assembled as `md:none:UUID=…` would. */
export function arrayStage(array: ArrayVolume, unserved: Stage[]): Stage {
  const named = unserved.find(({ kind, device }) => kind === "md" && findVolumes([array], device).length > 0);
  return named ?? { kind: "md", fstype: "none", device: `UUID=${array.md.uuid}`, options: {}, mountOptions: [] };
}

export function isArray(volume: Volume): volume is ArrayVolume {
  return volume.md !== undefined;
}

/** The error for an array that was waited for and does not start. */
export function incompleteArray({ md, name }: ArrayVolume, timeoutMs: number): AbsentError {
  return new AbsentError({
    tried: `waiting ${timeoutMs / 1000} s for the members of the array`,
    on: `${name} (${md.level}, ${md.uuid})`,
    found: md.missing.length === 0 ? "it was made on a machine with another byte order" : `${describeMissing(md)} is missing; there is ${md.members.join(", ")}`,
    next: md.startable ? "attach the missing disk, then choose Retry; to start the array without it, write degraded=ask or degraded=SECONDS behind its stage md:" : "attach the missing disk, then choose Retry: without it the array can't be read",
  });
}
