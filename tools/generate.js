// Writes what is made of the sources: the JSON Schema, tables in docs/, the manual pages. Runs under the pinned Node.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { madeFiles } from "../src/host/manual/pages.ts";
import { repository } from "./paths.js";

for (const [path, text] of await madeFiles(repository)) {
  const file = join(repository, path);
  if (read(file) === text) continue;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  console.log(path);
}

/** @param {string} file */
function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
