// PROVIDE:  mount
// REQUIRE:  unlock
// MODULES:  ext4? xfs? btrfs? vfat? nls_cp437? nls_ascii? nls_iso8859-1? nls_utf8?
// PROGRAMS: busybox
import type { Context } from "../src/core/rc/types.ts";

/** Contents that hold other volumes, or nothing; blkid's names. */
const NO_FILESYSTEMS = ["crypto_LUKS", "LVM2_member", "swap", "swsuspend"];

/** Mounts the root that the last stage opened on /new_root. */
export default async function run(ctx: Context): Promise<void> {
  const { realroot, request, newRoot } = ctx;
  const device = await ctx.stages.serve(realroot);
  const fstype = realroot.fstype === "auto" ? await findFstype(ctx, device) : realroot.fstype;
  const options = [request.readonly ? "ro" : "rw", ...request.rootflags, ...realroot.mountOptions];
  if (realroot.subvolume !== undefined) options.push(`subvol=${realroot.subvolume}`);
  await ctx.system.mount({ source: device, target: newRoot, fstype, options }).catch(async (error: unknown) => {
    throw await explainDamage(ctx, device, error);
  });
  ctx.log.mark("mounted");
  ctx.log.step(`mounted ${device} (${fstype}, ${options.join(",")})`);
}

/** What our own probe has against the filesystem says more than mount(2)'s EINVAL. */
async function explainDamage(ctx: Context, device: string, cause: unknown): Promise<unknown> {
  const volume = (await ctx.volumes.scan()).find(({ path, dm }) => path === device || (dm !== undefined && device === `/dev/mapper/${dm.name}`));
  const damage = volume?.damage ?? volume?.content?.damage?.join("; ");
  if (damage === undefined) return cause;
  return ctx.failure({
    tried: "mounting the root",
    on: device,
    found: damage,
    next: "check that the disk is whole, and the filesystem with fsck from another system",
    cause,
  });
}

async function findFstype(ctx: Context, device: string): Promise<string> {
  const volume = await ctx.volumes.find(device);
  const type = volume.content?.type;
  if (type !== undefined && !NO_FILESYSTEMS.includes(type)) return type;
  throw ctx.failure({
    tried: "finding the filesystem of the root",
    on: device,
    found: volume.damage ?? (type === undefined ? "no filesystem that is known here" : `${type}, which is no filesystem`),
    next: type === "crypto_LUKS" ? "unlock it: crypt in place of local in the realroot" : "name the filesystem in the realroot, as in local:ext4:DEVICE, or check the disk with fsck",
  });
}
