import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseHeader } from "../../core/rc/header.ts";
import type { FileMemo } from "../file-memo.ts";
import { packageRoot } from "../package-root.ts";
import { findProgram } from "../plan/programs.ts";
import { openSysroot } from "../plan/sysroot.ts";
import { compileRecipe } from "./compile.ts";
import { debianContents } from "./debian-root.ts";
import { rootsOf } from "./disk-builder.ts";
import type { Recipe } from "./recipe.ts";
import { findBusybox, rootKey } from "./root-archive.ts";

const HASH_CHARACTERS = 16;

/** A short hash of all that decides what is on a recipe's disks: the steps, the programs that do them, the files of the roots. */
export async function hashRecipe(recipe: Recipe, memo: FileMemo): Promise<string> {
  const hash = (file: string) => memo.get(file, "sha256", async () => createHash("sha256").update(readFileSync(file)).digest("hex"));
  const placement = { disks: recipe.disks.map((_, i) => `/dev/disk${i}-`), archive: () => "archive" };
  const script = readFileSync(join(packageRoot(), "images/make-disk.ts"), "utf8");
  const hashes = await Promise.all([...programFiles(script), join(packageRoot(), "images/realroot-init")]
    .map(hash));
  const roots = await Promise.all(rootsOf(recipe).map(async (root) => {
    const key = rootKey(root, recipe.folder);
    if (root.kind === "debian") return [key, ...(await debianContents(root))];
    if (root.kind === "busybox" && root.sysroot !== undefined) return [key, await hash(findBusybox(root, recipe.folder))];
    return root.kind === "directory" ? [key, ...listFiles(key)] : [key];
  }));
  const sizes = recipe.disks.map(({ sizeBytes }) => sizeBytes);
  const all = JSON.stringify({ steps: compileRecipe(recipe, placement), sizes, script, hashes, roots });
  return createHash("sha256").update(all).digest("hex").slice(0, HASH_CHARACTERS);
}

/** The programs of this machine that the script will run in the VM. */
function programFiles(script: string): string[] {
  const sysroot = openSysroot("/");
  const { programs } = parseHeader(script, "images/make-disk.ts");
  return programs.flatMap(({ name }) => findProgram(sysroot, name)?.file ?? []);
}

/** One line per file below a directory, which changes when the file does. */
function listFiles(directory: string): string[] {
  const paths = readdirSync(directory, { recursive: true, encoding: "utf8" }).sort();
  return paths.map((path) => {
    const { mode, size, mtimeMs, uid, gid } = lstatSync(join(directory, path));
    return [path, mode, size, mtimeMs, uid, gid].join(" ");
  });
}
