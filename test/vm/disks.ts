import { readdirSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../src/host/package-root.ts";
import { type BuiltDisk, buildDisks } from "../../src/host/qemu/disks.ts";
import type { Recipe } from "../../src/host/qemu/recipe.ts";
import { readRecipe } from "../../src/host/qemu/recipe-schema.ts";

/** The disks of a recipe in images/. All that are there are made at once when one is missing: one VM serves them all. */
export async function vmDisk(name: string): Promise<BuiltDisk> {
  const built = await buildDisks(allRecipes());
  return built.find(({ recipe }) => recipe.name === name) ?? Promise.reject(new Error(`images/${name}.yaml is not there`));
}

/** Every recipe in images/. */
export function allRecipes(): Recipe[] {
  const images = join(packageRoot(), "images");
  return readdirSync(images).filter((file) => file.endsWith(".yaml")).map((file) => readRecipe(join(images, file)));
}
