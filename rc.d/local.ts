// KEYWORD: local
// FIELDS:  device options
import type { Context } from "../src/core/rc/types.ts";

/** A root that needs no opening of its own: a partition, a disk, or a volume that lies on what another stage opens. */
export default async function run(ctx: Context): Promise<string> {
  const volume = await ctx.volumes.find(ctx.realroot.device);
  return volume.dm === undefined ? volume.path : `/dev/mapper/${volume.dm.name}`;
}
