import { openSync, readSync, closeSync } from "node:fs";
import { basename } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import type { LibraryFinder } from "./libraries.ts";
import { foundEntries, imagePath } from "./paths.ts";
import type { Found, Sysroot } from "./sysroot.ts";
import type { Entry, Reason } from "./types.ts";

const DIRECTORIES = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin"];

/** Debian packages of programs that an early boot may want, where the package is not called like the program. */
const PACKAGES: Record<string, string> = {
  busybox: "busybox-static",
  loadkmap: "busybox-static",
  cryptsetup: "cryptsetup-bin",
  lvm: "lvm2",
  dmsetup: "dmsetup",
  veritysetup: "cryptsetup-bin",
  integritysetup: "cryptsetup-bin",
  blkid: "util-linux",
  mount: "mount",
  sfdisk: "fdisk",
  sgdisk: "gdisk",
  mdadm: "mdadm",
  btrfs: "btrfs-progs",
  "mkfs.btrfs": "btrfs-progs",
  "mkfs.xfs": "xfsprogs",
  xfs_repair: "xfsprogs",
  "mkfs.ext4": "e2fsprogs",
  "fsck.ext4": "e2fsprogs",
  e2fsck: "e2fsprogs",
  "mkfs.vfat": "dosfstools",
  tcplay: "tcplay",
};

/** A program by bare name or absolute path; undefined when the sysroot has none. */
export function findProgram(sysroot: Sysroot, name: string): Found | undefined {
  const paths = name.startsWith("/") ? [name] : DIRECTORIES.map((directory) => `${directory}/${name}`);
  for (const path of paths) {
    const found = sysroot.find(path);
    if (found?.stats.isFile() === true && (found.stats.mode & 0o111) !== 0) return found;
  }
  return undefined;
}

/**
 * Entries for a program: itself, the links that led to it, its libraries, and for a script its interpreter, unless that is
 * one of the `applets`, paths in the image.
 */
export async function programEntries(
  { sysroot, libraries, applets }: { sysroot: Sysroot; libraries: LibraryFinder; applets: ReadonlySet<string> }, found: Found, reason: Reason,
): Promise<Entry[]> {
  const self = `${basename(found.links[0]?.path ?? found.path)}, ${reason}`;
  const behind = readInterpreters(found.file).flatMap((interpreter) => {
    if (applets.has(imagePath(interpreter))) return [];
    const program = findProgram(sysroot, interpreter);
    if (program !== undefined) return [program];
    if (!interpreter.startsWith("/") && [...applets].some((path) => basename(path) === interpreter)) return [];
    throw missingProgram(sysroot, interpreter, `interpreter of ${self}`);
  });
  const entries = [...foundEntries(found, reason), ...(await libraries.needs(found, self))];
  for (const program of behind) entries.push(...(await programEntries({ sysroot, libraries, applets }, program, `interpreter of ${self}`)));
  return entries;
}

/** The error for a program that the sysroot does not have, with the Debian package where it is known, or that nobody may run. */
export function missingProgram(sysroot: Sysroot, name: string, reason: Reason): MkinitrdError {
  const there = name.startsWith("/") ? sysroot.find(name) : undefined;
  if (there !== undefined) {
    const isFile = there.stats.isFile();
    return new MkinitrdError({
      tried: `finding the program ${name} (${reason})`, on: sysroot.path,
      found: isFile ? `${there.file} is there, and nobody may run it: its mode is ${(there.stats.mode & 0o7777).toString(8).padStart(4, "0")}` : `${there.file} is no file`,
      next: isFile ? `chmod +x ${there.file}, or pack what is no program under files: of the configuration` : "name a program",
    });
  }
  const package_ = PACKAGES[name];
  return new MkinitrdError({
    tried: `finding the program ${name} (${reason})`,
    on: sysroot.path,
    found: name.startsWith("/") ? "no such program" : `it is in none of ${DIRECTORIES.join(", ")}`,
    next: package_ === undefined ? "install it" : `install it; on Debian: apt-get install ${package_}`,
  });
}

const ENV = "env";

/** The path behind `#!`; where that is env(1), the name of the program that it looks for as well. */
function readInterpreters(file: string): string[] {
  const descriptor = openSync(file, "r");
  try {
    const start = Buffer.alloc(256);
    const length = readSync(descriptor, start, 0, start.length, 0);
    const [path, ...words] = /^#![ \t]*(\/[^\n]*)/.exec(start.toString("utf8", 0, length))?.[1]?.split(/[ \t]+/) ?? [];
    if (path === undefined) return [];
    const named = basename(path) === ENV ? words.find((word) => word !== "" && !word.startsWith("-") && !word.includes("=")) : undefined;
    return named === undefined ? [path] : [path, named];
  } finally {
    closeSync(descriptor);
  }
}
