import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { MkinitrdError } from "../../core/errors.ts";
import { printable } from "../../core/quote.ts";
import type { Stage } from "../../core/realroot/types.ts";
import { ownArchitecture, sysrootArchitecture } from "../architecture.ts";
import { cacheDirectory } from "../cache.ts";
import { chooseAccelerator } from "../qemu/accelerator.ts";
import { type Answers, typeAnswers } from "../qemu/answers.ts";
import { openImage } from "../image/open.ts";
import { findKernelFile } from "../kernel-file.ts";
import { openSysroot } from "../plan/sysroot.ts";
import { rootsOf } from "../qemu/disk-builder.ts";
import { buildDisk } from "../qemu/disks.ts";
import type { Recipe } from "../qemu/recipe.ts";
import { describeExit, type Guest, type GuestExit, startGuest } from "../qemu/guest.ts";
import { machineFor } from "../qemu/kernel-architecture.ts";
import { type DiskBus, kernelCommandLine, type Machine } from "../qemu/machine.ts";
import { statOf } from "../stat.ts";
import { withTemporaryDirectory } from "../temporary.ts";
import { layoutFor } from "./layout.ts";
import { writeWithFiles } from "./own-files.ts";

const MEMORY_MIB = 1024;
/** Options of a stage that may name a file of the image. */
const NAMES_FILES = ["keyfile", "keyfile-hidden", "header"];
/** What the init of the copy's root prints, and the boot program's menu when it failed. */
const WITNESS = /^REALROOT uptime=\S+.*\n/m;
const FAILED = /What now\?|Choose:/;

export interface ProofOptions {
  /** The image, and the release of the kernel that it is for. */
  image: string;
  /** It is the output already: nothing takes its place when it does not boot. */
  isInPlace: boolean;
  kernelRelease: string;
  /** The kernel, where it does not lie where kernels do. */
  kernel?: string | undefined;
  /** Where modules and kernels lie. */
  modulesDirectory: string;
  sysroot: string;
  /** Drivers that the guest will have. */
  drivers: ReadonlySet<string>;
  /** Words for the kernel command line. */
  append: string;
  timeoutMs: number;
  /** The stages that the image boots with that command line. */
  stages: readonly Stage[];
  /** In place of a copy: disks, what to type, and what their system prints when it runs. They are not written to. */
  own?: { disks: string[]; answers: Answers; expect: string } | undefined;
}

/** That an image boots. */
export interface Proof {
  seconds: number;
  accelerator: Machine["accelerator"];
  bus: DiskBus;
  /** What the real root said. */
  witness: string;
  notes: string[];
}

/**
 * Boots an image in a virtual machine, on disks that have the stack of its realroot, or on given ones, until the real root's
 * init has spoken. Throws with what the guest wrote last when it does not.
 */
export async function proveImage(options: ProofOptions, progress: (text: string) => void): Promise<Proof> {
  const kernel = options.kernel ?? findKernelFile(options, { tried: "testing the image", option: "--test-kernel" });
  if (options.own === undefined) return withTemporaryDirectory("proof", async (directory) => boot(options, kernel, await prepareCopy(options, directory, progress), progress));
  for (const file of options.own.disks) checkDisk(file);
  return boot(options, kernel, { ...options.own, initrd: options.image, bus: chooseBus(options.drivers, undefined), notes: [] }, progress);
}

/** What is booted, and how it is known to run. */
interface Prepared {
  initrd: string;
  disks: string[];
  bus: DiskBus;
  answers: Answers;
  expect?: string;
  notes: string[];
}

/** The disks of the copy, and the image with those key files and headers that fit them. */
async function prepareCopy({ image, stages, drivers, sysroot }: ProofOptions, directory: string, progress: (text: string) => void): Promise<Prepared> {
  const opened = stages.some(({ options }) => NAMES_FILES.some((key) => Object.hasOwn(options, key))) ? await openImage(image) : undefined;
  const { recipe, attached, files, nodes, answers, notes } = layoutFor(stages, {
    hasFile: (path) => opened?.tree.find(path)?.type === "file",
    hasDriver: (name) => drivers.has(name),
  });
  const bus = chooseBus(drivers, nodes);
  if (await isForeign(sysroot)) useBusyboxOf(recipe, sysroot);
  progress("making disks like those of the realroot");
  const disks = (await buildDisk(recipe, progress)).files;
  const initrd = files.length === 0 || opened === undefined ? image : join(directory, "initrd.img");
  if (initrd !== image) writeWithFiles(opened!, files, disks, initrd);
  return { initrd, disks: disks.slice(0, attached), bus, answers, notes: [...notes, ...files.map(({ path }) => `${path} was the test's own: the image's fits the real volume alone`)] };
}

/** Disks that are added all at once, as a scan in the background does it, get their names (sda, sdb) as it happens. Documentation/admin-guide/kernel-parameters.txt */
const IN_ORDER = "scsi_mod.scan=sync";

async function boot(options: ProofOptions, kernel: string, { initrd, disks, bus, answers, expect = "", notes }: Prepared, progress: (text: string) => void): Promise<Proof> {
  const mark = randomBytes(8).toString("hex");
  const platform = machineFor(kernel);
  const words = [`mkinitrd.mark=${mark}`, ...(bus === "scsi" ? [IN_ORDER] : []), options.append];
  const machine: Machine = {
    ...platform, kernel, initrd, append: kernelCommandLine(words.join(" ").trim(), platform), memoryMiB: MEMORY_MIB, smp: 2,
    accelerator: await chooseAccelerator(kernel, cacheDirectory()),
    disks: disks.map((file) => ({ file, bus, format: "raw", snapshot: true })),
  };
  progress("booting the image in a virtual machine");
  const started = performance.now();
  const guest = startGuest(machine);
  void typeAnswers(guest, answers);
  try {
    const witness = await waitForWitness(guest, mark, expect || WITNESS, options);
    return { seconds: (performance.now() - started) / 1000, accelerator: machine.accelerator, bus, witness, notes };
  } finally {
    await guest.end();
  }
}

async function isForeign(sysroot: string): Promise<boolean> {
  return (await sysrootArchitecture(openSysroot(sysroot))).name !== ownArchitecture().name;
}

/** The roots of the copy have to run where the image does. */
function useBusyboxOf(recipe: Recipe, sysroot: string): void {
  for (const root of rootsOf(recipe)) if (root.kind === "busybox") root.sysroot = sysroot;
}

const LOOK_EVERY_MS = 100;

/** Waits for what the real root says: behind the hand-over, since the image, the kernel and a prompt may say the same before. */
async function waitForWitness(guest: Guest, mark: string, witness: string | RegExp, { timeoutMs, image, isInPlace }: ProofOptions): Promise<string> {
  const deadline = performance.now() + timeoutMs;
  let exit: GuestExit | undefined;
  void guest.exited.then((outcome) => (exit = outcome));
  for (;;) {
    const ended = exit; // what it wrote last is looked at once more
    const log = guest.log();
    const from = log.indexOf(`mkinitrd hands over: ${mark}`);
    const said = from < 0 ? "" : log.slice(from);
    const found = typeof witness === "string" ? (said.includes(witness) ? witness : undefined) : witness.exec(said)?.[0];
    if (found !== undefined) return printable(found).trim();
    const reason = from < 0 && FAILED.test(log) ? "the boot failed, and its menu came" : ended !== undefined ? describeExit(ended)
      : performance.now() > deadline ? `it did not within ${timeoutMs / 1000} s (--test-timeout gives it longer)` : undefined;
    if (reason !== undefined) {
      throw new MkinitrdError({
        tried: "booting the new image in a virtual machine",
        on: image,
        found: `the real root did not come up: ${reason}; the guest had written:\n${printable(log).trimEnd()}\n--- end of the guest's console`,
        next: isInPlace ? "this image is in place, and was there before: mend the configuration and build again" : "the old image is as it was; mend the configuration, or build without --test",
      });
    }
    await pause(LOOK_EVERY_MS);
  }
}

function checkDisk(file: string): void {
  const stats = statOf(file);
  if (stats?.isFile() === true || stats?.isBlockDevice() === true) return;
  throw new MkinitrdError({ tried: "opening the disk of the test", on: file, found: stats === undefined ? "no such file" : "it is no disk image", next: "name a raw disk image: --test-disk FILE" });
}

const BUSES: { bus: DiskBus; drivers: string[] }[] = [
  { bus: "virtio", drivers: ["virtio_pci", "virtio_blk"] },
  { bus: "nvme", drivers: ["nvme"] },
  { bus: "ahci", drivers: ["ahci", "sd_mod"] },
  { bus: "scsi", drivers: ["virtio_pci", "virtio_scsi", "sd_mod"] },
];

/** The bus that the names in the spec belong to, or the first for which the image has drivers. */
export function chooseBus(drivers: ReadonlySet<string>, nodes: "virtio" | "nvme" | "scsi" | undefined): DiskBus {
  const wanted = BUSES.filter(({ bus }) => nodes === undefined || bus === nodes || (nodes === "scsi" && bus === "ahci"));
  const found = wanted.find((one) => one.drivers.every((driver) => drivers.has(driver)));
  if (found !== undefined) return found.bus;
  throw new MkinitrdError({
    tried: "testing the image",
    on: nodes === undefined ? "its drivers for disks" : `its drivers for disks that are called as in the realroot (${nodes})`,
    found: `none that a virtual machine has; it could use ${wanted.map((one) => one.drivers.join(" with ")).join(", or ")}`,
    next: "add one to modules in mkinitrd.config.yaml, or build without --test",
  });
}
