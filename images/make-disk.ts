// Makes the disks of recipes: runs, in a virtual machine, the programs that the host has planned, and powers off.
// REQUIRE:   devices
// MODULES:   virtio_pci virtio_blk dm_mod dm_crypt xts ecb? cbc? essiv? sha256_generic? aes_generic? aesni_intel? algif_skcipher?
// MODULES:   md_mod linear? raid0? raid1? raid10? raid456?
// MODULES:   serpent_generic? twofish_generic?
// MODULES:   dm_raid? dm_mirror? dm_snapshot? dm_thin_pool? dm_cache? dm_cache_smq?
// MODULES:   ext4? xfs? btrfs? crc32c_generic? crc32c_intel? vfat? nls_cp437? nls_ascii? nls_iso8859-1? nls_utf8?
// PROGRAMS:  busybox sfdisk cryptsetup tcplay lvm mdadm mke2fs mkfs.xfs? mkfs.btrfs? btrfs? mkfs.vfat? mksquashfs? mkfs.erofs? mkswap
// LIBRARIES: libgcc_s.so.1 ossl-modules/legacy.so
import type { Context } from "../src/core/rc/types.ts";
import type { DiskJob, Step } from "../src/host/qemu/steps.ts";

const JOB = "/etc/mkinitrd/disk.json";
const DEADLINE_MS = 30_000;
const LOOK_EVERY_MS = 20;
/** A whole disk's name where it begins the name of a partition, or ends. */
const DISK = /\/dev\/vd[a-z](?![a-z])/g;
const ENV = { PATH: "/usr/sbin:/usr/bin", DM_DISABLE_UDEV: "1", MDADM_NO_UDEV: "1" };

/** Says DISK-MADE NAME on the console for each recipe, or DISK-FAILED NAME with the reason, then powers off. */
export default async function run(ctx: Context): Promise<void> {
  let name = "job";
  try {
    const job = JSON.parse(await read(ctx, JOB)) as DiskJob;
    for (const { path } of job.disks) await waitForDisk(ctx, path);
    const paths = await pathsBySerial(ctx, job.disks);
    for (const recipe of job.recipes) {
      name = recipe.name;
      for (const step of recipe.steps) await runStep(ctx, step, paths);
      ctx.log.step(`DISK-MADE ${name}`);
    }
  } catch (error) {
    ctx.log.step(`DISK-FAILED ${name}: ${(error instanceof Error ? error.message : String(error)).replaceAll("\n", " ")}`);
  }
  await ctx.exec("busybox", ["sync"]);
  await ctx.exec("busybox", ["poweroff", "-f"]);
}

async function runStep(ctx: Context, { about, program, args, input }: Step, paths: Map<string, string>): Promise<void> {
  ctx.log.step(about);
  await ctx.exec(program, args.map((arg) => arg.replace(DISK, (path) => paths.get(path) ?? path)), { env: ENV, ...(input === undefined ? {} : { input: Buffer.from(input) }) });
}

async function waitForDisk(ctx: Context, path: string): Promise<void> {
  for (const end = Date.now() + DEADLINE_MS; !(await ctx.system.exists(path)); ) {
    if (Date.now() > end) throw ctx.failure({ tried: "waiting for a disk", on: path, found: `nothing in ${DEADLINE_MS / 1000} s` });
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/**
 * A name like /dev/vdb is the kernel's choice, and not always in the order of the slots: the serial says which disk the steps
 * mean. From the name that they use to the one that the disk has.
 */
async function pathsBySerial(ctx: Context, disks: DiskJob["disks"]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const { path } of disks) found.set((await read(ctx, `${path.replace("/dev/", "/sys/block/")}/serial`)).trim(), path);
  return new Map(disks.map(({ path, serial }) => {
    const actual = found.get(serial);
    if (actual === undefined) throw ctx.failure({ tried: "looking for a disk", on: path, found: `no disk has the serial ${serial}; there is: ${[...found.keys()].join(", ")}` });
    return [path, actual];
  }));
}

async function read(ctx: Context, path: string): Promise<string> {
  return (await ctx.exec("busybox", ["cat", path])).stdout;
}
