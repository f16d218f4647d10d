// PROVIDE: pivot
// REQUIRE: mount
import type { Context } from "../src/core/rc/types.ts";

/** Makes ready what the real root takes over: its init, and what udev must know of the devices that are open. */
export default async function run(ctx: Context): Promise<void> {
  const init = await ctx.system.findInit(ctx.newRoot, ctx.request.init);
  await ctx.devices.stop();
  await ctx.system.describeMappings();
  await ctx.system.handOver(init, ctx.request.initArguments);
  ctx.log.mark("hand-over");
}
