// Makes the disks of recipes: runs, in a virtual machine, the programs that the host has planned, and powers off.
// REQUIRE:   devices
// MODULES:   virtio_pci virtio_blk dm_mod dm_crypt xts ecb? cbc? essiv? sha256_generic? aes_generic? aesni_intel? algif_skcipher?
// MODULES:   ext4? xfs? btrfs? crc32c_generic? crc32c_intel?
// PROGRAMS:  busybox sfdisk cryptsetup lvm mke2fs mkfs.xfs? mkfs.btrfs? mkfs.vfat? mkswap
// LIBRARIES: libgcc_s.so.1
import type { Context } from "../src/core/rc/types.ts";
import type { DiskJob, Step } from "../src/host/qemu/steps.ts";

const JOB = "/etc/mkinitrd/disk.json";
const DEADLINE_MS = 30_000;
const LOOK_EVERY_MS = 20;
const ENV = { PATH: "/usr/sbin:/usr/bin", DM_DISABLE_UDEV: "1" };

/** Says DISK-MADE NAME on the console for each recipe, or DISK-FAILED NAME with the reason, then powers off. */
export default async function run(ctx: Context): Promise<void> {
  let name = "job";
  try {
    const job = JSON.parse(await read(ctx, JOB)) as DiskJob;
    for (const disk of job.disks) await waitForDisk(ctx, disk);
    for (const recipe of job.recipes) {
      name = recipe.name;
      for (const step of recipe.steps) await runStep(ctx, step);
      ctx.log.step(`DISK-MADE ${name}`);
    }
  } catch (error) {
    ctx.log.step(`DISK-FAILED ${name}: ${(error instanceof Error ? error.message : String(error)).replaceAll("\n", " ")}`);
  }
  await ctx.exec("busybox", ["sync"]);
  await ctx.exec("busybox", ["poweroff", "-f"]);
}

async function runStep(ctx: Context, { about, program, args, input }: Step): Promise<void> {
  ctx.log.step(about);
  await ctx.exec(program, args, { env: ENV, ...(input === undefined ? {} : { input: Buffer.from(input) }) });
}

/** A name like /dev/vdb is the kernel's choice: the serial proves that it is the disk which the steps mean. */
async function waitForDisk(ctx: Context, { path, serial }: DiskJob["disks"][number]): Promise<void> {
  const file = path.replace("/dev/", "/sys/block/");
  for (const end = Date.now() + DEADLINE_MS; !(await ctx.system.exists(path)); ) {
    if (Date.now() > end) throw ctx.failure({ tried: "waiting for a disk", on: path, found: `nothing in ${DEADLINE_MS / 1000} s` });
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  const found = (await read(ctx, `${file}/serial`)).trim();
  if (found !== serial) throw ctx.failure({ tried: "looking for a disk", on: path, found: `its serial is ${found}, expected ${serial}` });
}

async function read(ctx: Context, path: string): Promise<string> {
  return (await ctx.exec("busybox", ["cat", path])).stdout;
}
