import type { Hibernation } from "../core/rc/types.ts";
import type { BootRequest } from "../core/realroot/types.ts";
import { findVolumes } from "../core/volumes/match.ts";
import type { Volume } from "../core/volumes/types.ts";

/**
 * Why no filesystem may be written to: a hibernated system, which has it mounted as it was, would destroy it when it wakes
 * up. Any image in sight counts, and so does a place of `resume=` that nobody can look into, because it is not open.
 */
export async function hibernationInSight(volumes: Volume[], resume: BootRequest["resume"], probeArea: Hibernation["probeArea"]): Promise<string | undefined> {
  const image = volumes.find(({ content }) => content?.type === "swsuspend");
  if (image !== undefined) return `the machine is hibernated: its image is on ${image.name}`;
  if (resume === undefined) return undefined;
  const place = findVolumes(volumes, resume.device).find(({ path }) => path !== undefined);
  const area = place?.path === undefined ? undefined : await probeArea(place.path, resume.offsetPages).catch(() => undefined);
  if (area?.type === "swap") return undefined;
  return `the machine may be hibernated: ${resume.device} (resume=) ${area === undefined ? "can't be looked into" : "holds its image"}`;
}
