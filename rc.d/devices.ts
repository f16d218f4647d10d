// PROVIDE:  devices
// PROGRAMS: busybox
import type { Context } from "../src/core/rc/types.ts";

/** Loads the drivers of what the kernel found, and of what arrives later. */
export default async function run(ctx: Context): Promise<void> {
  await ctx.devices.start();
}
