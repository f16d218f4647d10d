import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory } from "../../../src/host/cache.ts";
import { DEFAULT_ZSTD_LEVEL } from "../../../src/host/compressions.ts";
import { buildImage } from "../../../src/host/image/build.ts";
import { chooseAccelerator } from "../../../src/host/qemu/accelerator.ts";
import { startGuest } from "../../../src/host/qemu/guest.ts";
import { machineFor } from "../../../src/host/qemu/kernel-architecture.ts";
import { kernelCommandLine } from "../../../src/host/qemu/machine.ts";
import { findVmKernel } from "../../../src/host/qemu/vm-kernel.ts";

const OUT_BYTES = 64 * 1024 * 1024;
const SCRIPT = new URL("job.ts", import.meta.url).pathname;

/**
 * Runs a shell script in a virtual machine with dmsetup and lvm. Its disks are /dev/NAME there, and their partitions /dev/NAMEp1 and so on;
 * what it writes to them is lost. The files that it leaves in its directory are in `folder`/out, what it says in out/log. `folder` is the
 * caller's. Throws when the guest ends without having run it.
 */
export async function runJob(folder: string, script: string, disks: Record<string, string> = {}): Promise<{ log: string; out: string }> {
  const [shell, job, result, out] = ["job.sh", "job.json", "out.tar", "out"].map((name) => join(folder, name)) as [string, string, string, string];
  writeFileSync(shell, script);
  writeFileSync(job, JSON.stringify({ disks: Object.keys(disks) }));
  writeFileSync(result, "");
  truncateSync(result, OUT_BYTES);
  const kernel = findVmKernel();
  const { output } = await buildImage({
    realroot: "", realroots: [], modules: { set: "none", add: [], omit: [] }, programs: [], scripts: [SCRIPT], onlyScripts: ["devices", "job"],
    files: [{ from: shell, to: "/etc/job.sh", mode: 0o600 }, { from: job, to: "/etc/job.json", mode: 0o644 }],
    sealed: true, timeoutMs: 30_000, sysroot: "/", kernel: kernel.release, modulesDirectory: kernel.modulesDirectory, microcode: "none",
    compression: { format: "zstd", level: DEFAULT_ZSTD_LEVEL }, output: join(folder, "job.img"),
  });
  const platform = machineFor(kernel.image);
  const guest = startGuest({
    ...platform, kernel: kernel.image, initrd: output, append: kernelCommandLine("loglevel=3", platform), memoryMiB: 1024, smp: 2,
    accelerator: await chooseAccelerator(kernel.image, cacheDirectory()),
    disks: [...Object.entries({ ...disks, OUT: result })].map(([serial, file]) => ({ file, format: "raw", snapshot: serial !== "OUT", serial, disposable: true })),
  });
  try {
    await guest.exited;
  } finally {
    await guest.end();
  }
  if (!guest.log().includes("JOB-DONE")) throw new Error(`the guest ended without having run the script:\n${guest.log().slice(-4000)}`);
  mkdirSync(out);
  execFileSync("tar", ["-xf", result, "-C", out, "--no-same-owner"]);
  return { log: readFileSync(join(out, "log"), "utf8"), out };
}
