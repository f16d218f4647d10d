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

/** The newest kernel that set-up unpacked into the cache. Throws with what to do when there is none. */
export function findVmKernel(directory = cacheDirectory("kernels/cloud")): VmKernel {
  const boot = join(directory, "boot");
  const files = existsSync(boot) ? readdirSync(boot).filter((name) => name.startsWith(PREFIX)) : [];
  const release = files.map((name) => name.slice(PREFIX.length)).sort(compareReleases).at(-1);
  if (release === undefined) {
    throw new MkinitrdError({ tried: "finding a kernel for the virtual machine", on: boot, found: `no ${PREFIX}RELEASE there`, next: "npm run setup downloads one" });
  }
  const modulesDirectory = ["lib/modules", "usr/lib/modules"].map((path) => join(directory, path)).find((path) => existsSync(join(path, release)));
  return { release, image: join(boot, `${PREFIX}${release}`), modulesDirectory: modulesDirectory ?? join(directory, "lib/modules") };
}
