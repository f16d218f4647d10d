import type { BlockDevice } from "../../core/volumes/types.ts";
import { progressLine } from "../cli/progress.ts";
import { openDisks } from "./disks.ts";
import { passphrases, type UnlockOptions } from "./passphrases.ts";
import { surveyDisks, type WholeSurvey } from "./survey.ts";
import { surveyUnlocked, type Unlocked } from "./unlock.ts";
import { openVerities, type OpenedVerity } from "./verity.ts";

/** Opens disks, with their encrypted volumes where the options ask for it, for as long as `use` runs: behind it the keys are wiped and all is closed. */
export async function withDisks<T>(paths: readonly string[], options: UnlockOptions, use: (found: Omit<Unlocked, "close">) => Promise<T>): Promise<T> {
  const { close, devices } = await openDisks(paths);
  try {
    const verities = (options.rootHash ?? []).length === 0 ? [] : await openVerities((await surveyDisks(devices)).volumes, options.rootHash!);
    const all = [...devices, ...verities.map(({ device }) => device)];
    const tables = verities.map(({ table }) => table);
    const asked = passphrases(options);
    try {
      const survey = (devices: readonly BlockDevice[]) => surveyVerified(devices, verities);
      if (asked === undefined) return await use({ ...(await survey(all)), tables, problems: [] });
      const progress = progressLine();
      const say = (about: string | undefined): void => void (process.stderr.isTTY && (about === undefined ? progress.end() : progress.say(about)));
      const unlocked = await surveyUnlocked(all, asked.ask, { ...asked.wishes, say, survey });
      try {
        return await use({ ...unlocked, tables: [...tables, ...unlocked.tables] });
      } finally {
        await unlocked.close();
      }
    } finally {
      asked?.close();
    }
  } finally {
    await close();
  }
}

/** What is verified is in the verifying device: of the volume with the bare data nobody looks at the content, and its name means the other. */
async function surveyVerified(devices: readonly BlockDevice[], verities: readonly OpenedVerity[]): Promise<WholeSurvey> {
  const verified = new Map(verities.map(({ dataName, device }) => [dataName, device.path]));
  const found = await surveyDisks(devices, new Set(verified.keys()));
  return { ...found, volumes: found.volumes.map((volume) => (verified.has(volume.name) ? { ...volume, verifiedAs: verified.get(volume.name)! } : volume)) };
}
