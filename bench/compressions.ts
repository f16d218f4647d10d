import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MkinitrdError } from "../src/core/errors.ts";
import { COMPRESSION_NAMES, COMPRESSIONS } from "../src/host/compressions.ts";
import { findProgram } from "../src/host/plan/programs.ts";
import { openSysroot } from "../src/host/plan/sysroot.ts";
import { startGuest } from "../src/host/qemu/guest.ts";
import { kernelCommandLine } from "../src/host/qemu/machine.ts";
import type { VmKernel } from "../src/host/qemu/vm-kernel.ts";
import type { Hardware } from "./boots.ts";
import { kernelOptions, mkinitrdBuild, type Say, timeBuild } from "./builds.ts";
import { parseUnpackSeconds } from "./console.ts";
import { median } from "./figures.ts";

/** The default configuration in one compression: how long packing takes, what comes out, how long the guest's kernel unpacks it. */
export interface CompressionFigures {
  /** As for --compression: `zstd:12`, `none`. */
  compression: string;
  bytes: number;
  /** `mkinitrd build` with the trimmed Node in the cache and no layer. */
  packSeconds: number;
  /** By the guest's clock, from the kernel's first word of the initramfs to its last; median of the rounds. */
  unpackSeconds: number;
}

const WITHIN_MS = 300_000;
/** What is to be known of zstd beside its usual level. */
const ZSTD_LEVELS = [1, 9, 19];

/** Each compression whose program is here, at its usual level. */
export async function measureCompressions(kernel: VmKernel, hardware: Hardware, directory: string, rounds: number, say: Say): Promise<CompressionFigures[]> {
  const cache = join(directory, "cache-of-compressions");
  const config = join(directory, "compressions.yaml");
  const output = join(directory, "compressions.img");
  writeFileSync(config, "realroot: crypt:ext4:/dev/vda2:root\n");
  const args = (compression: string) => ["-c", config, "-o", output, "--compression", compression, ...kernelOptions(kernel)];
  const figures: CompressionFigures[] = [];
  try {
    await mkinitrdBuild(args("none"), { MKINITRD_CACHE: cache }); // Node is trimmed
    for (const compression of compressions()) {
      say(`compression ${compression}`);
      rmSync(join(cache, "layers"), { recursive: true, force: true });
      const { seconds, bytes } = await timeBuild(args(compression), cache);
      const unpacked: number[] = [];
      for (let round = 0; round < rounds; round++) unpacked.push(await unpackInGuest(output, hardware));
      figures.push({ compression, bytes, packSeconds: seconds, unpackSeconds: median(unpacked) });
    }
  } finally {
    for (const path of [cache, output]) rmSync(path, { recursive: true, force: true });
  }
  return figures;
}

function compressions(): string[] {
  const machine = openSysroot("/");
  const levels = COMPRESSION_NAMES.flatMap((name) => {
    const { program, levels: { usual } } = COMPRESSIONS[name];
    if (findProgram(machine, program) === undefined) return [];
    return [...(name === "zstd" ? ZSTD_LEVELS : []), usual].sort((a, b) => a - b).map((level) => `${name}:${level}`);
  });
  return ["none", ...levels];
}

/** The kernel unpacks before it goes on (initramfs_async=0), so that nothing else runs beside it. */
async function unpackInGuest(initrd: string, hardware: Hardware): Promise<number> {
  const guest = startGuest({ ...hardware, initrd, smp: 2, console: "ttyS0", disks: [], append: kernelCommandLine("loglevel=7 initramfs_async=0") });
  try {
    await guest.waitFor(/Freeing initrd memory: .*\n/, { timeoutMs: WITHIN_MS });
    const seconds = parseUnpackSeconds(guest.log());
    if (seconds !== undefined) return seconds;
    throw new MkinitrdError({ tried: "timing the unpacking", on: initrd, found: "the kernel said nothing of it, or could not" });
  } finally {
    await guest.end();
  }
}
