import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { cacheDirectory } from "../cache.ts";
import { exec } from "../exec.ts";
import { withTemporaryDirectory } from "../temporary.ts";
import { bootstrap, inRoot } from "./debootstrap.ts";
import type { DebianRoot } from "./recipe.ts";
import { findVmKernel, vmKernels, type VmKernel } from "./vm-kernel.ts";

const PACKAGES = ["systemd-sysv", "udev", "dbus", "lvm2", "cryptsetup", "e2fsprogs", "dosfstools", "kmod"];
/** Where what opens crypttab's volumes is part of the package systemd; later it is one of its own. */
const WITH_CRYPTSETUP = ["buster", "bullseye", "bookworm"];

/** What the build machine's name resolution and downloads left, and what nobody reads on a serial line. */
const LEFT_OUT = [
  ...["./dev/*", "./proc/*", "./sys/*", "./run/*", "./tmp/*", "./etc/resolv.conf"],
  ...["./var/cache/apt/*.bin", "./var/cache/apt/archives/*.deb", "./var/lib/apt/lists/*", "./usr/share/doc/*", "./usr/share/locale/*", "./usr/share/man/*"],
];

/** What tells two Debian roots apart. */
export function debianKey({ suite, files }: DebianRoot): string {
  return `debian ${suite} ${hash(JSON.stringify(files))}`;
}

/** What is in a Debian root: the packages with their versions, the kernels whose modules it gets. Bootstraps it when it isn't there. */
export async function debianContents({ suite }: DebianRoot): Promise<string[]> {
  const base = await bootstrapped(suite);
  return [hash(readFileSync(join(base, "var/lib/dpkg/status"), "utf8")), ...kernels().map(({ release }) => release), ...LEFT_OUT];
}

/** Writes a Debian root as a tar archive: what was bootstrapped, the recipe's files, and the modules of the virtual machines' kernels. */
export async function archiveDebian({ suite, files }: DebianRoot, archive: string): Promise<void> {
  const hostname = { path: "/etc/hostname", text: `${suite}\n`, mode: 0o644 };
  await archiveTree(await bootstrapped(suite), [hostname, ...files], kernels(), archive);
}

/**
 * Writes a tree as a tar archive, with files in place of those that it has, and with the modules of kernels that are not
 * installed in it.
 */
export async function archiveTree(tree: string, files: DebianRoot["files"], kernels: VmKernel[], archive: string): Promise<void> {
  await withTemporaryDirectory("debian", async (overlay) => {
    for (const { path, text, mode } of files) {
      mkdirSync(dirname(join(overlay, path)), { recursive: true });
      writeFileSync(join(overlay, path), text);
      chmodSync(join(overlay, path), mode);
    }
    const onTop = files.map(({ path }) => `.${path}`);
    const common = ["--file", archive, "--numeric-owner", "--sort=name"];
    const asRoot = ["--append", ...common, "--owner=0", "--group=0"];
    await exec("tar", ["--create", ...common, "--one-file-system", "--directory", tree, ...[...LEFT_OUT, ...onTop].map((path) => `--exclude=${path}`), "."]);
    if (onTop.length > 0) await exec("tar", [...asRoot, "--mtime=@0", "--directory", overlay, ...onTop]);
    for (const { release, modulesDirectory } of kernels) {
      await exec("tar", [...asRoot, "--transform=s,^,./usr/lib/modules/,S", "--directory", modulesDirectory, release]);
    }
  });
}

async function bootstrapped(suite: string): Promise<string> {
  const packages = WITH_CRYPTSETUP.includes(suite) ? PACKAGES : [...PACKAGES, "systemd-cryptsetup"];
  const directory = cacheDirectory("debian", `${suite}-${hash(packages.join(" "))}`);
  await bootstrap(directory, suite, packages, async (root) => {
    await inRoot(root, ["passwd", "--delete", "root"]);
  });
  return directory;
}

/** Those that set-up has downloaded. */
function kernels(): VmKernel[] {
  return Object.values(vmKernels).filter((directory) => existsSync(directory())).map((directory) => findVmKernel(directory()));
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
