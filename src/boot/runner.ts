import type { BootStep } from "../core/rc/boot-config.ts";
import { explain } from "../core/errors.ts";

/**
 * Runs the boot steps, each as soon as all that it requires have ended, side by side where the order allows. When one
 * fails, those that run are waited for, none is started any more, and the first error is thrown.
 */
export async function runSteps(
  steps: BootStep[],
  run: (step: BootStep) => Promise<void>,
  debug: (text: string) => void = () => {},
): Promise<void> {
  let failed: { error: unknown } | undefined;
  const ended = new Map<string, Promise<void>>();
  for (const step of steps) {
    // The steps come in order, so what this one requires is in the map.
    const required = step.require.map((name) => ended.get(name) ?? Promise.resolve());
    ended.set(step.name, Promise.all(required).then(() => runStep(step)));
  }
  await Promise.all(ended.values());
  if (failed !== undefined) throw failed.error;

  async function runStep(step: BootStep): Promise<void> {
    if (failed !== undefined) return;
    debug(`step ${step.name}: started`);
    try {
      await run(step);
      debug(`step ${step.name}: done`);
    } catch (error) {
      debug(`step ${step.name}: ${explain(error)}`);
      failed ??= { error };
    }
  }
}
