import { existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { Command } from "commander";
import { MkinitrdError } from "../../core/errors.ts";
import { exec } from "../exec.ts";
import { type BuiltDisk, buildDisks, diskName } from "../qemu/disks.ts";
import { readKinds } from "../config/kinds.ts";
import { readRecipe } from "../qemu/recipe-schema.ts";
import { describeIoError } from "../read-text.ts";
import { checkIsNoInput, checkReplaceable } from "../replace.ts";
import { withTemporary } from "../temporary.ts";
import { progressLine } from "./progress.ts";

const HELP = `
A recipe (images/*.yaml) says what lies on which disk, which realroot boots it, and what to type. The disks are made in a
virtual machine, so root is not needed, and kept in the cache: the second time they are only copied.
The output is a file for one disk; further disks of the recipe are FILE-2.img and so on. A directory takes NAME.img.

  mkinitrd disk images/lvm-in-luks.yaml -o disk.img
  mkinitrd disk images/*.yaml -o disks/`;

interface DiskOptions {
  output: string;
  json?: true;
}

/** What was written for one recipe. */
interface WrittenDisk {
  name: string;
  about: string;
  files: string[];
  realroot: string;
  answers: Record<string, string[]>;
  cacheHit: boolean;
}

/** `mkinitrd disk`: recipes → disk images. */
export function diskCommand(): Command {
  return new Command("disk")
    .description("Makes the disks that a recipe describes, without root.")
    .argument("<recipe...>", "recipes, as in images/")
    .option("-o, --output <path>", "the disk image to write, or a directory", ".")
    .option("--json", "print what was written, the realroot and the answers as JSON")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(files: string[], { output, json }: DiskOptions): Promise<void> {
  const kinds = await readKinds();
  const recipes = files.map((file) => readRecipe(file, kinds));
  const targets = planTargets(recipes.map(({ name, disks }) => ({ name, disks: disks.length })), output);
  for (const target of targets.flat()) {
    checkReplaceable(target, "writing the disk");
    checkIsNoInput(target, files, "writing the disk");
  }
  const progress = progressLine();
  try {
    const built = await buildDisks(recipes, progress.say);
    for (const [i, { files }] of built.entries()) {
      for (const [disk, file] of files.entries()) await copySparse(file, targets[i]?.[disk] ?? "");
    }
    progress.end();
    const written = built.map((disk, i) => describe(disk, targets[i] ?? []));
    console.log(json === true ? JSON.stringify(written, undefined, 2) : written.map(format).join("\n\n"));
  } finally {
    progress.end();
  }
}

/** Where each recipe's disks go: into a directory by the recipe's name, else to that file and numbered ones beside it. */
export function planTargets(recipes: { name: string; disks: number }[], output: string): string[][] {
  const path = resolve(output);
  const isDirectory = output.endsWith("/") || (existsSync(path) && statSync(path).isDirectory());
  if (!isDirectory && recipes.length > 1) {
    throw new MkinitrdError({ tried: "making disks", on: output, found: `one file for ${recipes.length} recipes`, next: "name a directory: -o DIRECTORY/" });
  }
  const base = (name: string): string => (isDirectory ? join(path, name) : path.replace(/\.(img|raw)$/, ""));
  const targets = recipes.map(({ name, disks }) => Array.from({ length: disks }, (_, i) => (isDirectory || i > 0 ? diskName(i, base(name)) : path)));
  const twice = targets.flat().find((target, i, all) => all.indexOf(target) !== i);
  if (twice !== undefined) throw new MkinitrdError({ tried: "making disks", on: twice, found: "two recipes have this name", next: "make them one by one, each with its own -o" });
  return targets;
}

/** Copies aside and renames; holes stay holes, and a filesystem that can share the blocks does. */
async function copySparse(from: string, to: string): Promise<void> {
  const aside = join(dirname(to), `.${basename(to)}.${process.pid}.new`);
  try {
    mkdirSync(dirname(to), { recursive: true });
    await withTemporary(aside, async () => {
      await exec("cp", ["--sparse=always", "--reflink=auto", "--", from, aside]);
      renameSync(aside, to);
    });
  } catch (cause) {
    if (cause instanceof MkinitrdError) throw cause;
    throw new MkinitrdError({ tried: "writing the disk", on: to, found: describeIoError(cause), next: "choose another place: -o PATH", cause });
  }
}

function describe({ recipe: { name, about, realroot, answers }, cacheHit }: BuiltDisk, files: string[]): WrittenDisk {
  return { name, about, files, realroot, answers, cacheHit };
}

function format({ name, about, files, realroot, answers, cacheHit }: WrittenDisk): string {
  const typed = Object.entries(answers).map(([prompt, secrets]) => `  at "${prompt}" type: ${secrets.join(", then ")}`);
  return [`${name}: ${about}`, ...files.map((file) => `  ${file}${cacheHit ? " (from the cache)" : ""}`), ...(realroot === "" ? [] : [`  realroot: ${realroot}`]), ...typed].join("\n");
}
