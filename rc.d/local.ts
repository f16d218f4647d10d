// KEYWORD: local
// FIELDS:  device options
import type { Context } from "../src/core/rc/types.ts";

/** A root that needs no opening of its own: a partition, a disk, or a volume that lies on what another stage opens. */
export default async function run(ctx: Context): Promise<string> {
  const volume = await ctx.volumes.find(ctx.realroot.device);
  if (volume.content?.type === "linux_raid_member") {
    throw ctx.failure({
      tried: "using it as the root",
      on: volume.name,
      found: `a member of the md array ${volume.content.label ?? volume.content.uuid}`,
      next: "name the array, or the filesystem on it by its UUID: what is written to one member alone breaks the array",
    });
  }
  return volume.dm === undefined ? volume.path : `/dev/mapper/${volume.dm.name}`;
}
