import { chmodSync, existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import { withLock } from "../../../tools/lock.js";
import { debianMirror } from "../../../tools/mirror.js";
import { findProgram } from "../../../tools/packages.js";
import { makeCacheDirectory } from "../cache.ts";
import { exec } from "../exec.ts";

const CHROOT_ENV = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/root", LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" };
const WITHIN_MS = 15 * 60 * 1000;

/** What this machine lacks for bootstrapping a Debian, for a person; undefined when nothing. */
export function bootstrapLacks(): string | undefined {
  if (process.getuid?.() !== 0) return "root, for debootstrap and chroot";
  if (findProgram("debootstrap") === undefined) return "debootstrap";
  return debianMirror() === undefined ? "a Debian mirror in /etc/apt" : undefined;
}

/**
 * A Debian of this suite in `directory`: the smallest one, with these packages, and what `prepare` does to it. One that is there
 * stays as it is. Throws without root.
 */
export async function bootstrap(directory: string, suite: string, packages: readonly string[], prepare = async (_root: string): Promise<void> => {}): Promise<void> {
  if (existsSync(directory)) return;
  const lacks = bootstrapLacks();
  if (lacks !== undefined) {
    throw new MkinitrdError({ tried: `bootstrapping Debian ${suite}`, on: directory, found: `this machine lacks ${lacks}`, next: "do it as root on a Debian machine with debootstrap" });
  }
  makeCacheDirectory(dirname(directory));
  await withLock(`${directory}.lock`, async () => {
    if (existsSync(directory)) return;
    const aside = mkdtempSync(`${directory}.new-`);
    try {
      await exec("debootstrap", ["--variant=minbase", `--include=${packages.join(",")}`, suite, aside, debianMirror()!], { timeoutMs: WITHIN_MS });
      chmodSync(aside, 0o755); // it becomes the root directory itself
      await prepare(aside);
      renameSync(aside, directory);
    } finally {
      rmSync(aside, { recursive: true, force: true });
    }
  });
}

/** Runs a program of the bootstrapped root inside of it. */
export function inRoot(root: string, command: string[]): ReturnType<typeof exec> {
  return exec("chroot", [root, ...command], { env: CHROOT_ENV });
}
