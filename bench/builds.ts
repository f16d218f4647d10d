import { cpSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exec } from "../src/host/exec.ts";
import type { BuildReport } from "../src/host/image/build.ts";
import { packageRoot } from "../src/host/package-root.ts";
import type { VmKernel } from "../src/host/qemu/vm-kernel.ts";
import { median } from "./figures.ts";
import { childrenCpuSeconds, loadAverage } from "./host.ts";

/** One run of `mkinitrd build`, as a process of its own: what a person waits for. */
export interface BuildRun {
  seconds: number;
  cpuSeconds: number;
  load: number;
  /** Names of the layers that did not come from the cache. */
  built: string[];
}

/** Runs of the same kind, and their medians. */
export interface BuildFigures {
  what: string;
  seconds: number;
  cpuSeconds: number;
  runs: BuildRun[];
}

export type Say = (text: string) => void;

/** The level at which the target of a cold build is stated. */
export const COLD_COMPRESSION = "zstd:9";

/** Times builds of the default configuration: with an empty cache, with the trimmed Node kept, for a new kernel, after an edit, unchanged. */
export async function measureBuilds(kernel: VmKernel, directory: string, runs: number, say: Say): Promise<BuildFigures[]> {
  const cache = join(directory, "cache");
  const config = join(directory, "timed.yaml");
  const output = join(directory, "timed.img");
  const newKernels = join(directory, "modules");
  let edits = 0;
  const edit = (): void => writeFileSync(config, `realroot: crypt:ext4:/dev/vda2:root${++edits}\n`);
  const forget = (...parts: string[]): void => rmSync(join(cache, ...parts), { recursive: true, force: true });
  const kinds: { what: string; prepare: () => void; words?: () => string[] }[] = [
    { what: `nothing in the cache, ${COLD_COMPRESSION}`, prepare: () => forget(), words: () => [...kernelOptions(kernel), "--compression", COLD_COMPRESSION] },
    { what: "nothing in the cache", prepare: () => forget() },
    { what: "trimmed Node in the cache, no layer", prepare: () => forget("layers") },
    {
      what: "a new kernel",
      prepare: () => cpSync(join(kernel.modulesDirectory, kernel.release), join(newKernels, `${kernel.release}-${++edits}`), { recursive: true }),
      words: () => ["--kernel", `${kernel.release}-${edits}`, "--modules-directory", newKernels],
    },
    { what: "realroot edited", prepare: edit },
    { what: "unchanged", prepare: () => {} },
  ];
  edit();
  const figures: BuildFigures[] = [];
  for (const { what, prepare, words = () => kernelOptions(kernel) } of kinds) {
    const measured: BuildRun[] = [];
    for (let run = 1; run <= runs; run++) {
      say(`build, ${what}: run ${run} of ${runs}`);
      prepare();
      measured.push(await timeBuild(["-c", config, "-o", output, ...words()], cache));
    }
    figures.push({ what, runs: measured, seconds: median(measured.map(({ seconds }) => seconds)), cpuSeconds: median(measured.map(({ cpuSeconds }) => cpuSeconds)) });
  }
  for (const path of [cache, newKernels]) rmSync(path, { recursive: true, force: true });
  return figures;
}

/** Times one build, with a cache of its own. */
export async function timeBuild(args: string[], cache: string): Promise<BuildRun & Pick<BuildReport, "bytes">> {
  const load = loadAverage();
  const [started, cpu] = [performance.now(), childrenCpuSeconds()];
  const report = await mkinitrdBuild(args, { MKINITRD_CACHE: cache });
  const seconds = (performance.now() - started) / 1000;
  return { seconds, load, bytes: report.bytes, cpuSeconds: childrenCpuSeconds() - cpu, built: report.layers.filter(({ cacheHit }) => !cacheHit).map(({ name }) => name) };
}

/** Builds an image from a configuration's text, with the usual cache. */
export async function buildToBoot(name: string, yaml: string, kernel: VmKernel, directory: string): Promise<{ file: string; report: BuildReport }> {
  const config = join(directory, `${name}.yaml`);
  const file = join(directory, `${name}.img`);
  writeFileSync(config, yaml);
  return { file, report: await mkinitrdBuild(["-c", config, "-o", file, ...kernelOptions(kernel)], {}) };
}

export async function mkinitrdBuild(args: string[], env: Record<string, string>): Promise<BuildReport> {
  const program = join(packageRoot(), "dist/host/mkinitrd.js");
  const inherited = Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined));
  const { stdout } = await exec("node", [program, "build", "--json", ...args], { env: { ...inherited, ...env } });
  return JSON.parse(stdout) as BuildReport;
}

export function kernelOptions({ release, modulesDirectory }: VmKernel): string[] {
  return ["--kernel", release, "--modules-directory", modulesDirectory];
}
