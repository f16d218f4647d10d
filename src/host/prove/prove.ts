import { MkinitrdError } from "../../core/errors.ts";
import { printable } from "../../core/quote.ts";
import type { Stage } from "../../core/realroot/types.ts";
import { cacheDirectory } from "../cache.ts";
import { chooseAccelerator } from "../qemu/accelerator.ts";
import { type Answers, typeAnswers } from "../qemu/answers.ts";
import { findKernelFile } from "../kernel-file.ts";
import { buildDisk } from "../qemu/disks.ts";
import { type Guest, startGuest } from "../qemu/guest.ts";
import { type DiskBus, kernelCommandLine, type Machine } from "../qemu/machine.ts";
import { TEST_PASSPHRASE } from "./contents.ts";
import { layoutFor } from "./layout.ts";

const MEMORY_MIB = 1024;
/** More often nobody is asked: each volume takes one, and those that another one's opens are not asked for. */
const MOST_PASSPHRASES = 8;
/** What the init of the copy's root prints, and the boot program's menu when it failed. */
const WITNESS = /^REALROOT uptime=\S+.*\n/m;
const FAILED = /What now\?|Choose:/;

export interface ProofOptions {
  /** The image, and the release of the kernel that it is for. */
  image: string;
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
  const own = options.own;
  const layout = own === undefined ? layoutFor(options.stages) : undefined;
  const bus = chooseBus(options.drivers, layout?.nodes);
  if (layout !== undefined) progress("making disks like those of the realroot");
  const files = own?.disks ?? (await buildDisk(layout!.recipe, progress)).files;
  const machine: Machine = {
    kernel, initrd: options.image, append: kernelCommandLine(options.append), memoryMiB: MEMORY_MIB, smp: 2, console: "ttyS0",
    accelerator: await chooseAccelerator(kernel, cacheDirectory()),
    disks: files.map((file) => ({ file, bus, format: "raw", snapshot: true })),
  };
  progress("booting the image in a virtual machine");
  const started = performance.now();
  const guest = startGuest(machine);
  void typeAnswers(guest, own?.answers ?? { "Passphrase for": Array<string>(MOST_PASSPHRASES).fill(TEST_PASSPHRASE) });
  try {
    const witness = await waitForWitness(guest, own?.expect ?? WITNESS, options.timeoutMs);
    return { seconds: (performance.now() - started) / 1000, accelerator: machine.accelerator, bus, witness, notes: layout?.notes ?? [] };
  } finally {
    await guest.end();
  }
}

async function waitForWitness(guest: Guest, witness: string | RegExp, timeoutMs: number): Promise<string> {
  const ended = new AbortController();
  const wait = (pattern: string | RegExp) => guest.terminal.waitFor(pattern, { timeoutMs, signal: ended.signal });
  const came = wait(witness).then((text) => ({ text }), () => undefined);
  const failed = wait(FAILED).then(() => undefined, () => new Promise<never>(() => {}));
  const gone = guest.exited.then(() => guest.terminal.drawn()).then(() => {
    ended.abort();
    return came;
  });
  const seen = await Promise.race([came, failed, gone]);
  ended.abort();
  if (seen !== undefined) return printable((typeof witness === "string" ? witness : witness.exec(seen.text)?.[0]) ?? "").trim();
  throw new MkinitrdError({
    tried: "booting the new image in a virtual machine",
    on: "it was not put in place",
    found: `the real root did not come up; the guest had written:\n${printable(guest.log()).trimEnd()}\n--- end of the guest's console`,
    next: "the old image is as it was; mend the configuration, or build without --test",
  });
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
