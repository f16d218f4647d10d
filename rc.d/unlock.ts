// PROVIDE: unlock
// REQUIRE: devices
import type { Context } from "../src/core/rc/types.ts";

/** Serves the stages of the realroot in the order of the spec; the last one is the root. */
export default async function run(ctx: Context): Promise<void> {
  for (const stage of ctx.request.stages) await ctx.stages.serve(stage);
}
