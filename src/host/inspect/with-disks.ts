import { progressLine } from "../cli/progress.ts";
import { openDisks } from "./disks.ts";
import { passphrases, type UnlockOptions } from "./passphrases.ts";
import { surveyDisks } from "./survey.ts";
import { surveyUnlocked, type Unlocked } from "./unlock.ts";

/** Opens disks, with their encrypted volumes where the options ask for it, for as long as `use` runs: behind it the keys are wiped and all is closed. */
export async function withDisks<T>(paths: readonly string[], options: UnlockOptions, use: (found: Omit<Unlocked, "close">) => Promise<T>): Promise<T> {
  const { close, devices } = await openDisks(paths);
  try {
    const asked = passphrases(options);
    try {
      if (asked === undefined) return await use({ ...(await surveyDisks(devices)), tables: [], problems: [] });
      const progress = progressLine();
      const say = (about: string | undefined): void => void (process.stderr.isTTY && (about === undefined ? progress.end() : progress.say(about)));
      const unlocked = await surveyUnlocked(devices, asked.ask, { ...asked.wishes, say });
      try {
        return await use(unlocked);
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
