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
      if (asked === undefined) return await use({ ...withVerified(await surveyDisks(all), verities), tables, problems: [] });
      const progress = progressLine();
      const say = (about: string | undefined): void => void (process.stderr.isTTY && (about === undefined ? progress.end() : progress.say(about)));
      const unlocked = await surveyUnlocked(all, asked.ask, { ...asked.wishes, say });
      try {
        return await use({ ...withVerified(unlocked, verities), tables: [...tables, ...unlocked.tables] });
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

/** What is verified is in the verifying device: the volume with the bare data has its name and no content. */
function withVerified<T extends WholeSurvey>(found: T, verities: readonly OpenedVerity[]): T {
  const verified = new Map(verities.map(({ dataName, device }) => [dataName, device.path]));
  return { ...found, volumes: found.volumes.map((volume) => {
    const verifiedAs = verified.get(volume.name);
    if (verifiedAs === undefined) return volume;
    const { content: _, ...bare } = volume;
    return { ...bare, verifiedAs };
  }) };
}
