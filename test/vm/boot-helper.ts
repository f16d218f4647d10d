import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, onTestFinished } from "vitest";
import { findProgram } from "../../tools/packages.js";
import { cacheDirectory } from "../../src/host/cache.ts";
import { buildImage, type BuildSettings } from "../../src/host/image/build.ts";
import { DEFAULT_ZSTD_LEVEL } from "../../src/host/compressions.ts";
import { chooseAccelerator } from "../../src/host/qemu/accelerator.ts";
import { type Answers, typeAnswers } from "../../src/host/qemu/answers.ts";
import { type Guest, startGuest } from "../../src/host/qemu/guest.ts";
import { machineFor } from "../../src/host/qemu/kernel-architecture.ts";
import { kernelCommandLine, type Machine } from "../../src/host/qemu/machine.ts";
import { findVmKernel, type VmKernel } from "../../src/host/qemu/vm-kernel.ts";
import { vmDisk } from "./disks.ts";

const MEMORY_MIB = 1024;
/** The kernel's own messages stay off the screen; those of the boot program are there. */
const QUIET_KERNEL = "loglevel=3";

/** How to boot a recipe, where it is not as the recipe says. */
export interface BootOptions {
  /** Words for the kernel command line, behind the realroot. */
  append?: string;
  /** In place of the recipe's own; the empty text for none on the command line. */
  realroot?: string;
  /** In place of the recipe's own; `{}` to type by hand. */
  answers?: Answers;
  /** Numbers of the recipe's disks (from 0) that are left out, and those that `guest.hotplug(machine.disks[n])` puts in. */
  absent?: number[];
  hotplug?: number[];
  memoryMiB?: number;
  /** Other files in place of the recipe's disks. */
  disks?: (files: string[]) => string[];
  /** The guest's writes stay in those files. */
  keepWrites?: boolean;
  /** Another image than `vmImage()`. */
  image?: string;
  /** With a VGA screen and a keyboard, for `openVga`; the kernel uses them with `console=tty0` in `append`. */
  vga?: boolean;
  /** With a network card; this machine's own loopback is 10.0.2.2. */
  network?: boolean;
  /** Another kernel than the machine's own; without `image` the image is made for it. */
  kernel?: VmKernel;
}

/** A booted recipe: the guest, and the machine that it runs on. */
export type BootedGuest = Guest & { machine: Machine };

/**
 * Boots a recipe of images/ with our own initrd and types its answers. The guest's writes are thrown away unless asked for, and it is ended
 * when the test is. The real root's init prints a line that begins with REALROOT, a second one with REALROOT-SETTLED.
 */
export async function bootRecipe(name: string, options: BootOptions = {}): Promise<BootedGuest> {
  const { recipe, files: made } = await vmDisk(name);
  const files = options.disks?.(made) ?? made;
  const { append = "", realroot = recipe.realroot, answers = recipe.answers, absent = [], hotplug = [], memoryMiB = MEMORY_MIB, keepWrites = false } = options;
  const stages = realroot.split(" ").filter((stage) => stage !== "").map((stage) => `realroot=${stage}`);
  const vmKernel = options.kernel ?? findVmKernel();
  const kernel = vmKernel.image;
  const platform = machineFor(kernel);
  const machine: Machine = {
    ...platform, kernel, memoryMiB, smp: 2,
    initrd: options.image ?? (await vmImage({ kernel: vmKernel.release, modulesDirectory: vmKernel.modulesDirectory })),
    append: kernelCommandLine([QUIET_KERNEL, ...stages, append].join(" "), platform),
    accelerator: await chooseAccelerator(kernel, cacheDirectory()),
    disks: files.map((file, i) => ({ file, format: "raw" as const, snapshot: !keepWrites, serial: `${name}-${i}`.slice(-20), hotplug: hotplug.includes(i) }))
      .filter((_, i) => !absent.includes(i)),
    ...(options.network === true ? { network: true } : {}),
    ...(options.vga === true ? { display: "none" } : {}),
  };
  const guest = startGuest(machine);
  onTestFinished(() => guest.end());
  void typeAnswers(guest, answers);
  return Object.assign(guest, { machine });
}

/** Builds an image for the VM kernel, from the cached layers in less than a second; it is removed when the test is over. */
export async function vmImage(settings: Partial<BuildSettings> = {}): Promise<string> {
  const { release, modulesDirectory } = findVmKernel();
  const directory = mkdtempSync(join(tmpdir(), "mkinitrd-vm-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const { output } = await buildImage({
    realroot: "", realroots: ["local", "crypt", "lvm"], modules: { set: "generic", add: [], omit: [] }, programs: [], files: [], scripts: [],
    sealed: false, timeoutMs: 30_000, sysroot: "/", kernel: release, modulesDirectory, microcode: "none", compression: { format: "zstd", level: DEFAULT_ZSTD_LEVEL },
    output: join(directory, "initrd.img"), ...settings,
  });
  return output;
}

/** `describe`, skipped where a tool for virtual machines is missing, with the tool's name. */
export function describeVm(name: string, body: () => void, tools: string[] = []): void {
  const missing = ["qemu-system-x86_64", ...tools].filter((tool) => findProgram(tool) === undefined);
  if (missing.length === 0) describe(name, body);
  else describe.skip(`${name} (skipped, not on this machine: ${missing.join(", ")})`, body);
}
