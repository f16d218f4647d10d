import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import { cacheDirectory } from "../cache.ts";
import { buildImage } from "../image/build.ts";
import { DEFAULT_ZSTD_LEVEL } from "../compressions.ts"; // the runtime's layer is made once for all images
import { withTemporaryDirectory } from "../temporary.ts";
import { chooseAccelerator } from "./accelerator.ts";
import { allContents } from "./recipe-check.ts";
import { compileRecipe } from "./compile.ts";
import { startGuest } from "./guest.ts";
import { machineFor } from "./kernel-architecture.ts";
import { kernelCommandLine, type MachineDisk } from "./machine.ts";
import { archiveRoot, rootKey } from "./root-archive.ts";
import type { Recipe, Root } from "./recipe.ts";
import type { DiskJob } from "./steps.ts";
import { findVmKernel, type VmKernel } from "./vm-kernel.ts";

const MEMORY_MIB = 768;
const LOG_LINES = 40;
const WITHIN_MS = 10 * 60 * 1000;

/** A recipe and the empty files that are to become its disks, one for each. */
export interface DiskOrder {
  recipe: Recipe;
  files: string[];
}

/** The scripts of the builder's image; what they are decides what is in a disk, as much as the recipe does. */
const BUILDER_SCRIPTS = ["devices", "make-disk"];

/** How many disks a builder has room for: names and PCI slots. */
export const MOST_DISKS = 20;

/**
 * Makes disks in one virtual machine, from an initrd of our own. Calls `made` for each recipe as soon as its disks are whole
 * and the guest has ended; throws for the first one that failed, after that.
 */
export async function makeDisks(orders: DiskOrder[], made: (order: DiskOrder) => void, progress: (text: string) => void): Promise<void> {
  await withTemporaryDirectory("disks", async (directory) => {
    const { disks, job } = await planJob(orders, directory);
    const kernel = findVmKernel();
    const initrd = await buildBuilder(job, kernel, directory, progress);
    progress(`making ${orders.map(({ recipe }) => recipe.name).join(", ")} in a virtual machine`);
    const log = await runBuilder(kernel, initrd, disks, progress);
    const whole = orders.filter(({ recipe }, i) => log.includes(`DISK-MADE ${jobName(recipe, i)}\n`));
    for (const order of whole) made(order);
    const failed = orders.findIndex((order) => !whole.includes(order));
    if (failed !== -1) throw failure(jobName(orders[failed]!.recipe, failed), log);
  });
}

/** The disks of the machine, the recipes' own and behind them the archives of roots, and what to do with them. */
async function planJob(orders: DiskOrder[], directory: string): Promise<{ disks: MachineDisk[]; job: DiskJob }> {
  const disks: MachineDisk[] = [];
  const attach = (file: string, snapshot: boolean): string => {
    disks.push({ file, format: "raw", snapshot, serial: `disk-${disks.length}`, disposable: true });
    return devicePath(disks.length - 1);
  };
  const archives = new Map<string, string>();
  for (const { recipe } of orders) {
    for (const root of rootsOf(recipe)) {
      const key = rootKey(root, recipe.folder);
      if (archives.has(key)) continue;
      const file = join(directory, `root-${archives.size}.tar`);
      await archiveRoot(root, recipe.folder, file);
      archives.set(key, attach(file, true));
    }
  }
  const recipes = orders.map(({ recipe, files }, index) => {
    recipe.disks.forEach(({ sizeBytes }, i) => truncateSync(files[i] ?? "", sizeBytes));
    const placement = { disks: files.map((file) => attach(file, false)), archive: (root: Root) => archives.get(rootKey(root, recipe.folder)) ?? "" };
    return { name: jobName(recipe, index), steps: compileRecipe(recipe, placement) };
  });
  return { disks, job: { disks: disks.map(({ serial = "" }, i) => ({ path: devicePath(i), serial })), recipes } };
}

/** Every root that a recipe's filesystems hold. */
export function rootsOf(recipe: Recipe): Root[] {
  return allContents(recipe).flatMap((content) => (content.kind === "filesystem" && content.root !== undefined ? [content.root] : []));
}

async function buildBuilder(job: DiskJob, kernel: VmKernel, directory: string, progress: (text: string) => void): Promise<string> {
  const jobFile = join(directory, "disk.json");
  writeFileSync(jobFile, `${JSON.stringify(job, undefined, 1)}\n`, { mode: 0o600 });
  const { output } = await buildImage({
    realroot: "", realroots: [], modules: { set: "none", add: [], omit: [] }, programs: [], scripts: [],
    files: [{ from: jobFile, to: "/etc/mkinitrd/disk.json", mode: 0o600 }],
    onlyScripts: BUILDER_SCRIPTS,
    sealed: true, timeoutMs: 30_000, sysroot: "/", kernel: kernel.release, modulesDirectory: kernel.modulesDirectory,
    microcode: "none", compression: { format: "zstd", level: DEFAULT_ZSTD_LEVEL }, output: join(directory, "builder.img"),
  }, progress);
  return output;
}

/** Runs the builder until it has powered itself off; gives its console's text. */
async function runBuilder(kernel: VmKernel, initrd: string, disks: MachineDisk[], progress: (text: string) => void): Promise<string> {
  const accelerator = await chooseAccelerator(kernel.image, cacheDirectory());
  const platform = machineFor(kernel.image);
  const guest = startGuest({
    ...platform, kernel: kernel.image, initrd, append: kernelCommandLine("loglevel=3", platform), memoryMiB: MEMORY_MIB, smp: 2, accelerator, disks,
  }, { onOutput: reportLines(progress) });
  const timer = setTimeout(() => void guest.end(), WITHIN_MS);
  await guest.exited;
  clearTimeout(timer);
  await guest.end();
  return guest.log();
}

/** Tells of each line of the builder's log, without its time: `LUKS2 on /dev/vdb1`. */
function reportLines(progress: (text: string) => void): (bytes: Buffer) => void {
  let rest = "";
  return (bytes) => {
    const lines = (rest + bytes.toString("utf8")).split(/\r*\n/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const [, text] = /^\[ *[\d.]+\] (.*)/.exec(line) ?? [];
      if (text !== undefined) progress(text);
    }
  };
}

function failure(name: string, log: string): MkinitrdError {
  const said = log.split("DISK-FAILED ")[1]?.split("\n")[0];
  return new MkinitrdError({
    tried: "making disks",
    on: `the recipe ${name}`,
    found: `${said ?? "the builder VM ended without having made them"}; its console ends with:\n${log.split("\n").slice(-LOG_LINES).join("\n")}`,
  });
}

/** Two recipes of one name in different folders are told apart. */
function jobName({ name }: Recipe, index: number): string {
  return `${index + 1}:${name}`;
}

/** /dev/vda for 0. */
function devicePath(index: number): string {
  return `/dev/vd${String.fromCharCode("a".charCodeAt(0) + index)}`;
}
