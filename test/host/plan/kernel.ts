import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, symlinkSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";

/** Module tree of a real kernel, for tests: `root`/lib/modules/`release`, indexed by depmod. */
export interface TestKernel {
  root: string;
  release: string;
  directory: string;
}

/** One of the kernels in the cache, or of this machine; undefined when there is none, or no depmod. Links into a new temporary directory. */
export function findTestKernel(): TestKernel | undefined {
  const cache = process.env["MKINITRD_CACHE"] || join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "mkinitrd");
  const roots = [...names(join(cache, "kernels")).map((name) => join(cache, "kernels", name)), "/"];
  for (const root of roots) {
    for (const release of names(join(root, "lib/modules"))) {
      const original = join(root, "lib/modules", release);
      if (!existsSync(join(original, "kernel"))) continue;
      return index(original, release);
    }
  }
  return undefined;
}

function index(original: string, release: string): TestKernel | undefined {
  const root = mkdtempSync(join(tmpdir(), "modules-"));
  const directory = join(root, "lib/modules", release);
  mkdirSync(directory, { recursive: true });
  for (const name of ["kernel", "modules.builtin", "modules.builtin.modinfo", "modules.order"]) symlinkSync(join(original, name), join(directory, name));
  return spawnSync("depmod", ["-b", root, release]).status === 0 ? { root, release, directory } : undefined;
}

function names(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).filter((name) => !name.startsWith(".")) : [];
}
