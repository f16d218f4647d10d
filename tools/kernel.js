import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { update } from "./apt.js";
import { command, say, SetupError } from "./command.js";
import { withLock } from "./lock.js";
import { findProgram } from "./packages.js";
import { cache } from "./paths.js";

/** The kernel of the virtual machines: virtio and device-mapper as modules, small, quick to boot. */
const META_PACKAGE = "linux-image-cloud-amd64";

/** Where it is unpacked: boot/vmlinuz-RELEASE and lib/modules/RELEASE. */
export const vmKernel = join(cache, "kernels/cloud");

/** Downloads the virtual machines' kernel and unpacks it in the cache, unless it is there. Nothing is installed. */
export async function fetchKernel() {
  if (existsSync(vmKernel)) return;
  await withLock(join(cache, "kernels/.lock"), async () => {
    if (existsSync(vmKernel)) return;
    if (findProgram("apt-get") === undefined) throw new SetupError(noApt());
    const folder = mkdtempSync(join(cache, "kernels/.new-"));
    try {
      await unpack(await download(folder), join(folder, "root"));
      renameSync(join(folder, "root"), vmKernel);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
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
  const [file] = readdirSync(folder).filter((each) => each.endsWith(".deb"));
  if (file === undefined) throw new SetupError(`downloading ${name}: apt-get left no file`);
  return join(folder, file);
}

/** The package of the kernel itself, which the meta package depends on; undefined when apt does not know it. */
async function kernelPackage() {
  const shown = await command("apt-cache", ["show", "--no-all-versions", META_PACKAGE]).catch(() => "");
  return /^Depends:.*?\b(linux-image-\d\S*)/m.exec(shown)?.[1];
}

/**
 * @param {string} file
 * @param {string} root
 */
async function unpack(file, root) {
  mkdirSync(root);
  await command("dpkg", ["-x", file, root]);
  const modules = ["lib/modules", "usr/lib/modules"].map((path) => join(root, path)).find((path) => existsSync(path));
  const release = modules && readdirSync(modules)[0];
  if (release === undefined) throw new SetupError(`unpacking ${file}: it holds no lib/modules`);
  await command("depmod", ["-b", root, release]); // installing a kernel would do it
}

function noApt() {
  return `the virtual machines' kernel is missing and there is no apt-get to download it with.
Put a kernel with virtio, device-mapper and ext4 there: ${vmKernel}/boot/vmlinuz-RELEASE, ${vmKernel}/lib/modules/RELEASE`;
}
