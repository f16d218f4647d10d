import { readdirSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../src/host/package-root.ts";
import { type BuiltDisk, buildDisks } from "../../src/host/qemu/disks.ts";
import { rootsOf } from "../../src/host/qemu/disk-builder.ts";
import type { Recipe } from "../../src/host/qemu/recipe.ts";
import { readRecipe } from "../../src/host/qemu/recipe-schema.ts";

/** The disks of a recipe in images/. All that are cheap are made at once when one is missing: one VM serves them all. */
export async function vmDisk(name: string): Promise<BuiltDisk> {
  const dear = dearRecipes().filter((recipe) => recipe.name === name);
  const built = await buildDisks(dear.length > 0 ? dear : allRecipes());
  return built.find(({ recipe }) => recipe.name === name) ?? Promise.reject(new Error(`images/${name}.yaml is not there`));
}

/** Every recipe in images/ that needs no Debian. */
export function allRecipes(): Recipe[] {
  return readRecipes().filter((recipe) => !isDear(recipe));
}

/** Those whose root is a Debian: they take minutes and want root, so that only the test which boots one has it made. */
function dearRecipes(): Recipe[] {
  return readRecipes().filter(isDear);
}

const isDear = (recipe: Recipe) => rootsOf(recipe).some(({ kind }) => kind === "debian");

function readRecipes(): Recipe[] {
  const images = join(packageRoot(), "images");
  return readdirSync(images).filter((file) => file.endsWith(".yaml")).map((file) => readRecipe(join(images, file)));
}
