import { ALL_READERS } from "../../core/volumes/all-readers.ts";
import { EVERY_FORMAT } from "../../core/volumes/every-format.ts";
import { type Survey, survey } from "../../core/volumes/discover.ts";
import type { BlockDevice } from "../../core/volumes/types.ts";

/** An array on arrays …: more than anybody has, and an end to one that lies on itself. */
const MOST_ROUNDS = 16;

/** A survey, and the devices with the arrays that were opened for it. */
export interface WholeSurvey extends Survey {
  devices: BlockDevice[];
}

/**
 * What lies on disks, with what lies in arrays that the kernel would have assembled: their partitions, and the groups that they are part of. The content of the volumes
 * named in `unread` is not looked at.
 */
export async function surveyDisks(disks: readonly BlockDevice[], unread: ReadonlySet<string> = new Set()): Promise<WholeSurvey> {
  let devices = [...disks];
  for (let round = 1; ; round++) {
    const found = await survey(devices, { ...ALL_READERS, formats: { ...EVERY_FORMAT, unread } });
    const arrays = found.volumes.flatMap(({ layer, md, name, source }): BlockDevice[] => {
      const isNew = layer === "array" && md !== undefined && source !== undefined && !devices.some(({ path }) => path === name);
      return isNew ? [{ path: name, source, md: { members: md.members } }] : [];
    });
    if (arrays.length === 0 || round === MOST_ROUNDS) return { ...found, devices };
    devices = [...devices, ...arrays];
  }
}
