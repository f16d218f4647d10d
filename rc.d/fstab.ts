// PROVIDE:  fstab
// REQUIRE:  mount
// BEFORE:   pivot
// PROGRAMS: busybox
import type { FstabMount, FstabRefusal } from "../src/core/fstab-mounts.ts";
import type { Context } from "../src/core/rc/types.ts";

/** Mounts /usr, and what asks for it with x-initrd.mount, as the root's own fstab says. Only /usr is worth failing for. */
export default async function run(ctx: Context): Promise<void> {
  for (const wanted of await ctx.filesystems.ofFstab()) {
    try {
      await mountEntry(ctx, wanted);
    } catch (cause) {
      const failure = ctx.failure({
        tried: `mounting ${wanted.target} as the root's /etc/fstab says`,
        on: "source" in wanted ? wanted.source : "its line",
        found: cause instanceof Error ? cause.message : String(cause),
        next: "a volume that has to be unlocked needs a stage of its own in the realroot; or correct /etc/fstab from another system",
        cause,
      });
      if (wanted.needed) throw failure;
      ctx.log.warn(`${failure.message.split("\n  next:")[0]}; the boot goes on without it`);
    }
  }
}

async function mountEntry(ctx: Context, wanted: FstabMount | FstabRefusal): Promise<void> {
  if ("reason" in wanted) throw new Error(wanted.reason);
  const { target: what, source, from, fstype, options } = wanted;
  const target = await ctx.system.newRootPath(what);
  if (target === undefined) throw new Error(`there is no directory ${what} in the root to mount it on`);
  if (from !== "device") {
    const path = from === "bind" ? await ctx.system.newRootPath(source) : source;
    if (path === undefined) throw new Error(`there is no ${source} in the root`);
    await ctx.system.mount({ source: path, target, fstype, options });
    return ctx.log.step(`mounted ${what}: ${source} (${fstype})`);
  }
  const volume = await ctx.volumes.find(source, wanted.optional ? { timeoutMs: 0 } : {});
  const device = volume.dm === undefined ? volume.path : `/dev/mapper/${volume.dm.name}`;
  if (wanted.check) await ctx.filesystems.check({ what, device, fstype });
  // The real root remounts its own /usr as it does with its root.
  const access = what === "/usr" && ctx.request.readonly ? ["ro"] : [];
  await ctx.filesystems.mount({ what, device, target, fstype, options: [...options.filter((option) => access.length === 0 || option !== "rw"), ...access] });
}
