import { appendFileSync, chmodSync, copyFileSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import { exec } from "../exec.ts";
import { packageRoot } from "../package-root.ts";
import { listApplets, readApplets } from "../plan/applets.ts";
import { findProgram } from "../plan/programs.ts";
import { openSysroot } from "../plan/sysroot.ts";
import { statOf } from "../stat.ts";
import { withTemporaryDirectory } from "../temporary.ts";
import { archiveDebian, debianKey } from "./debian-root.ts";
import type { BusyboxRoot, Root } from "./recipe.ts";

/** What is the same for two roots that hold the same files. Throws when a root's directory is missing. */
export function rootKey(root: Root, folder: string): string {
  if (root.kind === "busybox") return `busybox ${root.part} ${root.fstab}${root.sysroot === undefined ? "" : findBusybox(root, folder)}`;
  if (root.kind === "debian") return debianKey(root);
  const directory = resolve(folder, root.path);
  const stats = statOf(directory);
  if (stats?.isDirectory() === true) return directory;
  throw new MkinitrdError({ tried: "reading a root's files", on: directory, found: stats === undefined ? "no such directory" : "it is no directory", next: "correct root: in the recipe" });
}

/** Writes a root's files as a tar archive; the same files give the same bytes. `folder` is where relative paths start. */
export async function archiveRoot(root: Root, folder: string, archive: string): Promise<void> {
  if (root.kind === "directory") return pack(resolve(folder, root.path), archive, process.getuid?.() === 0 ? [] : ["--owner=0", "--group=0"]);
  if (root.kind === "debian") return archiveDebian(root, archive);
  await withTemporaryDirectory("root", async (directory) => {
    await writeBusyboxRoot(directory, root, folder);
    appendFileSync(join(directory, "etc/fstab"), root.fstab);
    if (root.part === "without-usr") emptyDirectory(join(directory, "usr"));
    await pack(root.part === "usr" ? join(directory, "usr") : directory, archive, ["--owner=0", "--group=0", "--mtime=@0"]);
  });
}

function emptyDirectory(directory: string): void {
  for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true });
}

async function pack(directory: string, archive: string, options: string[]): Promise<void> {
  await exec("tar", ["--create", "--file", archive, "--directory", directory, "--sort=name", "--numeric-owner", "--one-file-system", ...options, "."]);
}

/** The busybox of a root, on this machine. Throws when there is none. */
export function findBusybox({ sysroot }: BusyboxRoot, folder: string): string {
  const place = sysroot === undefined ? "/" : resolve(folder, sysroot);
  const busybox = findProgram(openSysroot(place), "busybox");
  if (busybox !== undefined) return busybox.file;
  throw new MkinitrdError({ tried: "making a root of busybox", on: sysroot === undefined ? "this machine" : place, found: "it has no busybox", next: "on Debian: apt-get install busybox-static" });
}

/** A root that boots: a static busybox with its applets, and images/realroot-init as init. */
async function writeBusyboxRoot(directory: string, root: BusyboxRoot, folder: string): Promise<void> {
  const busybox = findBusybox(root, folder);
  for (const path of ["usr/bin", "usr/sbin", "dev", "proc", "sys", "run", "tmp", "etc", "var", "mnt", "root"]) mkdirSync(join(directory, path), { recursive: true });
  symlinkSync("usr/bin", join(directory, "bin"));
  symlinkSync("usr/sbin", join(directory, "sbin"));
  copyFileSync(busybox, join(directory, "usr/bin/busybox"));
  chmodSync(join(directory, "usr/bin/busybox"), 0o755);
  const applets = root.sysroot === undefined ? await listApplets(busybox) : readApplets(busybox);
  for (const applet of applets.map((path) => basename(path)).filter((name) => name !== "busybox" && name !== "init")) symlinkSync("busybox", join(directory, "usr/bin", applet));
  copyFileSync(join(packageRoot(), "images/realroot-init"), join(directory, "usr/sbin/init"));
  chmodSync(join(directory, "usr/sbin/init"), 0o755);
  writeFileSync(join(directory, "etc/os-release"), 'NAME="mkinitrd test root"\nID=mkinitrd-test\nPRETTY_NAME="mkinitrd test root"\n');
  writeFileSync(join(directory, "etc/fstab"), "proc /proc proc defaults 0 0\n");
  writeFileSync(join(directory, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
}
