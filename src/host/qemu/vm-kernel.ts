import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import { cacheDirectory } from "../cache.ts";
import { compareReleases } from "../plan/kernel.ts";

/** A kernel for virtual machines, and its modules. */
export interface VmKernel {
  release: string;
  /** The file that boots. */
  image: string;
  /** The directory that holds a folder for each release. */
  modulesDirectory: string;
}

const PREFIX = "vmlinuz-";

/** Where set-up unpacks them: that of the machine's own Debian, and that of Debian stable, whose modules lie compressed. */
export const vmKernels = {
  own: () => cacheDirectory("kernels/cloud"),
  stable: () => cacheDirectory("kernels/stable"),
};

/** The newest kernel that set-up unpacked into a directory of the cache. Throws with what to do when there is none. */
export function findVmKernel(directory = vmKernels.own()): VmKernel {
  const boot = join(directory, "boot");
  const files = existsSync(boot) ? readdirSync(boot).filter((name) => name.startsWith(PREFIX)) : [];
  const release = files.map((name) => name.slice(PREFIX.length)).sort(compareReleases).at(-1);
  if (release === undefined) {
    throw new MkinitrdError({ tried: "finding a kernel for the virtual machine", on: boot, found: `no ${PREFIX}RELEASE there`, next: "npm run setup downloads one" });
  }
  const modulesDirectory = ["lib/modules", "usr/lib/modules"].map((path) => join(directory, path)).find((path) => existsSync(join(path, release)));
  return { release, image: join(boot, `${PREFIX}${release}`), modulesDirectory: modulesDirectory ?? join(directory, "lib/modules") };
}
