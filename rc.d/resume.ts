// PROVIDE: resume
// REQUIRE: unlock
// BEFORE:  mount
// MODULES: lzo? lz4?
import type { Context, OpenVolume } from "../src/core/rc/types.ts";

const WAIT_MS = 10_000;
/** The probe's word for an image of the kernel's own; others are of programs that take part in the resume. */
const KERNELS_OWN = "s1suspend";

/**
 * Wakes the machine up from the hibernation image on the device that resume= names: on success this boot ends here. Whatever
 * stands against it is a warning, and the boot goes on; after that nothing is resumed any more, since the root gets mounted.
 */
export default async function run(ctx: Context): Promise<void> {
  const { resume } = ctx.request;
  if (resume === undefined) return;
  const obstacle = await ctx.hibernation.obstacle();
  if (obstacle !== undefined) return ctx.log.warn(`not resuming from ${resume.device}: ${obstacle}`);
  const volume = await findArea(ctx, resume.device);
  if (volume !== undefined) await resumeFrom(ctx, volume, resume.offsetPages);
  await ctx.hibernation.giveUp();
}

/** The device, or nothing when it isn't there: a resume= outlives its disk. A passphrase that failed is an error. */
async function findArea(ctx: Context, device: string): Promise<OpenVolume | undefined> {
  try {
    return await ctx.volumes.find(device, { timeoutMs: Math.min(WAIT_MS, ctx.request.timeoutMs ?? WAIT_MS) });
  } catch (error) {
    if (!ctx.isAbsent(error)) throw error;
    ctx.log.warn(`not resuming from ${device}: it did not appear`);
    return undefined;
  }
}

async function resumeFrom(ctx: Context, volume: OpenVolume, offsetPages: number): Promise<void> {
  const { name, path, number } = volume;
  const area = await ctx.hibernation.probeArea(path, offsetPages);
  if (area?.type !== "swsuspend") {
    if (area?.type === "swap") return ctx.log.debug(`no hibernation image on ${name}`);
    return ctx.log.warn(`not resuming from ${name}: no swap area is there${offsetPages === 0 ? "" : `, at page ${offsetPages}`}`);
  }
  if (area.version !== KERNELS_OWN || number === undefined) {
    return ctx.log.warn(`not resuming from ${name}: its image is of ${area.version ?? "another program"}, and not the kernel's own`);
  }
  ctx.log.step(`resuming from the hibernation image on ${name}`);
  await ctx.hibernation.resume(number, offsetPages);
  ctx.log.warn(`the kernel did not resume from ${name}, and the boot goes on; its log says why`);
}
