import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withLock } from "../../../tools/lock.js";
import { cacheDirectory, cacheError, makeCacheDirectory } from "../cache.ts";
import { openFileMemo } from "../file-memo.ts";
import { withTemporary } from "../temporary.ts";
import { type DiskOrder, makeDisks, MOST_DISKS, rootsOf } from "./disk-builder.ts";
import { hashRecipe } from "./disk-hash.ts";
import type { Recipe } from "./recipe.ts";

const ASIDE = ".new-";

/** The disks of a recipe, in the cache: to be booted as snapshots or copied, never written to. */
export interface BuiltDisk {
  recipe: Recipe;
  /** One raw, sparse image for each disk of the recipe. */
  files: string[];
  /** They were there already. */
  cacheHit: boolean;
}

/** One recipe's disks; see `buildDisks`. */
export async function buildDisk(recipe: Recipe, progress?: (text: string) => void): Promise<BuiltDisk> {
  const [built] = await buildDisks([recipe], progress);
  return built!;
}

/**
 * Makes the disks of these recipes that the cache doesn't have, several in one virtual machine. Safe when another process wants
 * the same ones: one makes them and the others wait.
 */
export async function buildDisks(recipes: Recipe[], progress: (text: string) => void = () => {}): Promise<BuiltDisk[]> {
  const store = cacheDirectory("disks");
  const memo = openFileMemo(join(store, "files.json"));
  const entries = await Promise.all(recipes.map(async (recipe) => ({ recipe, directory: join(store, `${recipe.name}-${await hashRecipe(recipe, memo)}`) })));
  memo.save();
  const wanted = entries.filter(({ directory }) => !existsSync(directory));
  const made = wanted.length === 0 ? [] : await withStore(store, () => makeMissing(wanted, store, progress));
  return entries.map(({ recipe, directory }) => ({
    recipe, cacheHit: !made.includes(directory), files: recipe.disks.map((_, i) => join(directory, diskName(i))),
  }));
}

/** Runs `work` while nobody else makes disks. */
async function withStore<T>(store: string, work: () => Promise<T>): Promise<T> {
  makeCacheDirectory(store);
  try {
    accessSync(store, constants.W_OK);
  } catch (cause) {
    throw cacheError(store, cause);
  }
  return withLock(join(store, ".lock"), work);
}

interface Entry {
  recipe: Recipe;
  directory: string;
}

/** Makes what is still missing, as many in one machine as have room there; each is renamed into place when it is whole. */
async function makeMissing(wanted: Entry[], store: string, progress: (text: string) => void): Promise<string[]> {
  for (const name of readdirSync(store)) if (name.startsWith(ASIDE)) rmSync(join(store, name), { recursive: true }); // of one that was killed: the lock is ours
  const missing = wanted.filter(({ directory }, i) => !existsSync(directory) && wanted.findIndex((other) => other.directory === directory) === i);
  for (const batch of batches(missing)) {
    const aside = mkdtempSync(join(store, ASIDE));
    await withTemporary(aside, async () => {
      const places = new Map(batch.map((entry, i): [DiskOrder, { from: string; to: string }] => {
        const from = join(aside, String(i));
        mkdirSync(from);
        const files = entry.recipe.disks.map((_, disk) => join(from, diskName(disk)));
        for (const file of files) writeFileSync(file, "");
        return [{ recipe: entry.recipe, files }, { from, to: entry.directory }];
      }));
      await makeDisks([...places.keys()], (order) => {
        const { from, to } = places.get(order)!;
        renameSync(from, to);
      }, progress);
    });
  }
  return missing.map(({ directory }) => directory);
}

function batches(entries: Entry[]): Entry[][] {
  const result: Entry[][] = [];
  let room = 0;
  for (const entry of entries) {
    const disks = entry.recipe.disks.length + rootsOf(entry.recipe).filter((root) => root.kind !== "busybox" || root.sysroot !== undefined).length;
    if (disks > room) {
      result.push([]);
      room = MOST_DISKS - 1; // one holds the files of busybox roots
    }
    room -= disks;
    result.at(-1)!.push(entry);
  }
  return result;
}

/** disk.img, disk-2.img, … */
export function diskName(index: number, name = "disk"): string {
  return index === 0 ? `${name}.img` : `${name}-${index + 1}.img`;
}
