import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { update } from "./apt.js";
import { command, say, SetupError } from "./command.js";
import { withLock } from "./lock.js";
import { findProgram } from "./packages.js";
import { cache } from "./paths.js";
import { STABLE, stableApt } from "./stable-apt.js";

/** The kernel of the virtual machines: virtio and device-mapper as modules, small, quick to boot. */
const META_PACKAGE = "linux-image-cloud-amd64";

/** Where it is unpacked: boot/vmlinuz-RELEASE and lib/modules/RELEASE. */
export const vmKernel = join(cache, "kernels/cloud");

/** Where that of Debian stable is, for tests: its modules lie compressed. */
export const stableKernel = join(cache, "kernels/stable");

/** Downloads the virtual machines' kernel and unpacks it in the cache, unless it is there. Nothing is installed. */
export function fetchKernel() {
  return unpackInto(vmKernel, download);
}

/** The same for the kernel of Debian stable; where it can't be had, says so and leaves it out: tests skip what wants it. */
export async function fetchStableKernel() {
  try {
    await unpackInto(stableKernel, downloadStable);
  } catch (error) {
    say(`going on without the kernel of Debian ${STABLE}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/**
 * @param {string} directory
 * @param {(folder: string) => Promise<string>} download gives the package's file, which it leaves in the folder
 */
async function unpackInto(directory, download) {
  if (existsSync(directory)) return;
  await withLock(join(cache, "kernels/.lock"), async () => {
    if (existsSync(directory)) return;
    if (findProgram("apt-get") === undefined) throw new SetupError(noApt(directory));
    const folder = mkdtempSync(join(cache, "kernels/.new-"));
    try {
      await unpack(await download(folder), join(folder, "root"));
      renameSync(join(folder, "root"), directory);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

/** @param {string} folder */
async function downloadStable(folder) {
  const apt = await stableApt(join(folder, "apt"));
  const name = kernelName(await apt("apt-cache", ["show", "--no-all-versions", META_PACKAGE]));
  if (name === undefined) throw new SetupError(`Debian ${STABLE} has no ${META_PACKAGE}`);
  say(`downloading the kernel of Debian ${STABLE}: ${name}`);
  await apt("apt-get", ["download", "-qq", name], { cwd: folder });
  return packageFile(folder, name);
}

/** @param {string} folder */
async function download(folder) {
  let name = await kernelPackage();
  say(`downloading the virtual machines' kernel: ${name ?? META_PACKAGE}`);
  try {
    if (name === undefined) throw new SetupError("no lists of packages");
    await command("apt-get", ["download", "-qq", name], { cwd: folder });
  } catch {
    await update(); // the lists are missing or older than the mirror
    name = await kernelPackage();
    if (name === undefined) throw new SetupError(`downloading the virtual machines' kernel: apt knows no ${META_PACKAGE}`);
    await command("apt-get", ["download", "-qq", name], { cwd: folder });
  }
  return packageFile(folder, name);
}

/**
 * @param {string} folder
 * @param {string} name
 */
function packageFile(folder, name) {
  const [file] = readdirSync(folder).filter((each) => each.endsWith(".deb"));
  if (file === undefined) throw new SetupError(`downloading ${name}: apt-get left no file`);
  return join(folder, file);
}

/** The package of the kernel itself, which the meta package depends on; undefined when apt does not know it. */
async function kernelPackage() {
  const shown = await command("apt-cache", ["show", "--no-all-versions", META_PACKAGE]).catch(() => "");
  return kernelName(shown);
}

/**
 * The package of the kernel itself.
 * @param {string} shown what apt-cache says of the meta package
 */
export function kernelName(shown) {
  return /^Depends:.*?\b(linux-image-\d\S*)/m.exec(shown)?.[1];
}

/**
 * @param {string} file
 * @param {string} root
 */
async function unpack(file, root) {
  mkdirSync(root);
  await command("dpkg", ["-x", file, root]);
  if (!existsSync(join(root, "lib"))) symlinkSync("usr/lib", join(root, "lib")); // newer packages; depmod looks below lib
  const modules = join(root, "lib/modules");
  const release = existsSync(modules) ? readdirSync(modules)[0] : undefined;
  if (release === undefined) throw new SetupError(`unpacking ${file}: it holds no lib/modules`);
  await command("depmod", ["-b", root, release]); // installing a kernel would do it
}

/** @param {string} directory */
function noApt(directory) {
  return `the virtual machines' kernel is missing and there is no apt-get to download it with.
Put a kernel with virtio, device-mapper and ext4 there: ${directory}/boot/vmlinuz-RELEASE, ${directory}/lib/modules/RELEASE`;
}
