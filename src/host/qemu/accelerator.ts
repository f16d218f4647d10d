import { accessSync, constants, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import { ownArchitecture, type ArchitectureName } from "../architecture.ts";
import { exec } from "../exec.ts";
import { makeCacheDirectory } from "../cache.ts";
import { kernelArchitecture } from "./kernel-architecture.ts";
import { kernelCommandLine, PLATFORMS, type Accelerator } from "./machine.ts";
import { QEMU } from "./process.ts";

const PROBE_WITHIN_MS = 6_000; // a kernel with no root panics within a second where KVM works
const NO_ROOT = /Unable to mount root fs/; // do_mount_root in the kernel's init/do_mounts.c

/** What the choice is made from; each has the real thing as its default. */
export interface AcceleratorOptions {
  env?: NodeJS.ProcessEnv;
  device?: string;
  probeWithinMs?: number;
}

/**
 * KVM where a guest really runs with it, TCG elsewhere. /dev/kvm alone says little: with nested or emulated
 * virtualization a boot sector may run and a kernel hang. So the kernel itself is booted, without an initrd, until it panics
 * for want of a root. The outcome is kept in `cacheDirectory` for this boot of the host and this kernel. The environment
 * variable MKINITRD_ACCELERATOR (kvm or tcg) decides instead where it is set.
 */
export async function chooseAccelerator(kernel: string, cacheDirectory: string, options: AcceleratorOptions = {}): Promise<Accelerator> {
  const { env = process.env, device = "/dev/kvm", probeWithinMs = PROBE_WITHIN_MS } = options;
  const own = ownArchitecture().name;
  if ((kernelArchitecture(kernel) ?? own) !== own) return "tcg"; // KVM runs guests of the host's architecture alone
  const chosen = env["MKINITRD_ACCELERATOR"];
  if (chosen === "kvm" || chosen === "tcg") return chosen;
  if (chosen !== undefined && chosen !== "") {
    throw new MkinitrdError({ tried: "choosing an accelerator", on: "MKINITRD_ACCELERATOR", found: `it is ${JSON.stringify(chosen)}`, next: "known: kvm, tcg" });
  }
  if (!isUsable(device)) return "tcg";
  const file = join(cacheDirectory, "accelerator.json");
  const key = describeMachine(kernel);
  const known = readOutcomes(file);
  const outcome = known[key] ?? ((await runsWithKvm(kernel, own, probeWithinMs)) ? "kvm" : "tcg");
  if (known[key] === undefined) writeOutcomes(file, { ...known, [key]: outcome });
  return outcome;
}

/** True when the kernel, started with KVM and with nothing else, gets as far as looking for its root. */
async function runsWithKvm(kernel: string, architecture: ArchitectureName, timeoutMs: number): Promise<boolean> {
  const { machine, cpu } = PLATFORMS[architecture];
  const args = [
    ...["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio"],
    ...[...machine, "-accel", "kvm", "-cpu", cpu.kvm, "-smp", "2", "-m", "256M"],
    ...["-kernel", kernel, "-append", kernelCommandLine("", { architecture })],
  ];
  const run = await exec(QEMU[architecture].program, args, { timeoutMs }).catch(() => undefined);
  return run !== undefined && NO_ROOT.test(run.stdout);
}

function isUsable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** What the outcome depends on: the host since it was booted, and the kernel file. */
function describeMachine(kernel: string): string {
  const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  const { size, mtimeMs } = statSync(kernel);
  return `${bootId} ${kernel} ${size} ${mtimeMs}`;
}

/** Outcomes by machine; a file that can't be read counts as empty, it only costs a probe. */
function readOutcomes(file: string): Record<string, Accelerator> {
  try {
    const outcomes: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (typeof outcomes !== "object" || outcomes === null) return {};
    const entries = Object.entries(outcomes).filter((entry): entry is [string, Accelerator] => entry[1] === "kvm" || entry[1] === "tcg");
    return Object.fromEntries(entries);
  } catch {
    return {};
  }
}

/** Keeps what is of this boot of the host, where the cache can be written: it only saves a probe. */
function writeOutcomes(file: string, outcomes: Record<string, Accelerator>): void {
  const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  const ours = Object.entries(outcomes).filter(([key]) => key.startsWith(bootId));
  try {
    makeCacheDirectory(dirname(file));
    writeFileSync(file, `${JSON.stringify(Object.fromEntries(ours), undefined, 1)}\n`);
  } catch {
    // The next boot probes again.
  }
}
