import { bundle } from "../../tools/bundle.js";
import { findProgram } from "../../tools/packages.js";
import { buildDisks } from "../../src/host/qemu/disks.ts";
import { allRecipes } from "./disks.ts";

/** Brings dist/ up to date and makes all disks in one go, before any test's own time begins to run. */
export default async function setup(): Promise<void> {
  await bundle();
  if (findProgram("qemu-system-x86_64") !== undefined) await buildDisks(allRecipes(), (text) => void (/^making/.test(text) && console.error(text)));
}
