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

/** One of `findTestKernels`; undefined when there is none. */
export function findTestKernel(): TestKernel | undefined {
  return findTestKernels(1)[0];
}

/** The kernels in the cache and of this machine, none without depmod. Links into new temporary directories. */
export function findTestKernels(most = Infinity): TestKernel[] {
  const kernels: TestKernel[] = [];
  const cache = process.env["MKINITRD_CACHE"] || join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "mkinitrd");
  const roots = [...names(join(cache, "kernels")).map((name) => join(cache, "kernels", name)), "/"];
  for (const root of roots) {
    for (const release of names(join(root, "lib/modules"))) {
      const original = join(root, "lib/modules", release);
      const kernel = kernels.length < most && existsSync(join(original, "kernel")) ? index(original, release) : undefined;
      if (kernel !== undefined) kernels.push(kernel);
    }
  }
  return kernels;
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
