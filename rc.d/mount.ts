// PROVIDE:  mount
// REQUIRE:  unlock
// MODULES:  ext4? xfs? btrfs? f2fs? squashfs? erofs? ufs? vfat? nls_cp437? nls_ascii? nls_iso8859-1? nls_utf8?
// PROGRAMS: busybox
import type { Context } from "../src/core/rc/types.ts";

/** Mounts the root that the last stage opened on /new_root, after a check where the image has a program for that. */
export default async function run(ctx: Context): Promise<void> {
  const { realroot, request, newRoot } = ctx;
  const device = await ctx.stages.serve(realroot);
  const options = [request.readonly ? "ro" : "rw", ...request.rootflags, ...realroot.mountOptions];
  if (realroot.subvolume?.includes(",")) {
    throw ctx.failure({ tried: "mounting the root", on: device, found: `the subvolume "${realroot.subvolume}": mount options can't say a comma`, next: "rename it from another system, or name it by its number: mount.subvolid=N" });
  }
  if (realroot.subvolume !== undefined) options.push(`subvol=${realroot.subvolume}`);
  await ctx.filesystems.check({ what: "the root", device, fstype: realroot.fstype });
  await ctx.filesystems.mount({ what: "the root", device, target: newRoot, fstype: realroot.fstype, options });
  ctx.log.mark("mounted");
}
