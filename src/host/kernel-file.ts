import { existsSync } from "node:fs";
import { join } from "node:path";
import { MkinitrdError } from "../core/errors.ts";
import { findVmKernel } from "./qemu/vm-kernel.ts";

export interface KernelPlaces {
  kernelRelease: string;
  modulesDirectory: string;
  sysroot: string;
}

/** The kernel of a release: `vmlinuz-RELEASE`, where Debian and others put it, or set-up's own for virtual machines. `tried` and `option` are for the error. */
export function findKernelFile({ kernelRelease, modulesDirectory, sysroot }: KernelPlaces, { tried, option }: { tried: string; option: string }): string {
  const places = [...new Set([join(sysroot, "boot", `vmlinuz-${kernelRelease}`), join(modulesDirectory, kernelRelease, "vmlinuz"), `/boot/vmlinuz-${kernelRelease}`])];
  const found = places.find((file) => existsSync(file)) ?? vmKernelOf(kernelRelease);
  if (found !== undefined) return found;
  throw new MkinitrdError({ tried, on: `the kernel ${kernelRelease}`, found: `it is not at ${places.join(", ")}`, next: `name it: ${option} FILE` });
}

function vmKernelOf(release: string): string | undefined {
  try {
    const kernel = findVmKernel();
    return kernel.release === release ? kernel.image : undefined;
  } catch {
    return undefined;
  }
}
