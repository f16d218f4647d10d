import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import { describeIoError } from "../read-text.ts";
import { isProgram, statOf } from "../stat.ts";
import { debianHooks, type HookFile, type HookSettings, isOurs, kernelInstallPlugin } from "./hooks.ts";
import { type MountedSystem, mountedSystem } from "./inside.ts";

const DEBIAN_DIRECTORY = "etc/kernel/postinst.d";
const KERNEL_INSTALL = ["usr/lib/kernel/install.d", "lib/kernel/install.d"];
/** Hooks of other builders, which write the same file behind or in front of us. */
const OTHERS = ["initramfs-tools", "dracut", "booster"].map((name) => `${DEBIAN_DIRECTORY}/${name}`);
const INSTALL_CONF = "etc/kernel/install.conf";

export interface Installed {
  files: string[];
  notes: string[];
}

/**
 * Puts the hooks in place that a system below `root` calls for a new kernel. Throws where it calls none, and where another
 * builder would write the same file. Links below `root` are followed as that system would follow them: nothing outside is touched.
 */
export function installHooks(root: string, given: HookSettings): Installed {
  const system = openSystem(root);
  const has = (path: string) => system.find(path) !== undefined;
  const settings = { ...given, image: normalize(given.image) };
  const usesDebians = has(DEBIAN_DIRECTORY) || has("etc/debian_version");
  const usesSystemds = KERNEL_INSTALL.some(has);
  if (!usesDebians && !usesSystemds) {
    throw new MkinitrdError({
      tried: "installing the hooks for new kernels", on: root,
      found: `neither ${DEBIAN_DIRECTORY} nor ${KERNEL_INSTALL[0]} is there`,
      next: `have whatever installs kernels here run: mkinitrd build -c ${settings.config} --kernel RELEASE -o FILE`,
    });
  }
  if (settings.uki && !settings.image.endsWith(".efi")) {
    throw new MkinitrdError({
      tried: "installing the hooks for new kernels", on: settings.image,
      found: `${settings.config} makes a unified kernel image (uki), which no boot loader takes for an initrd`,
      next: "give it a name that ends in .efi: --image '/boot/efi/EFI/Linux/mkinitrd-{kernel}.efi'",
    });
  }
  const other = OTHERS.find((path) => isProgram(system.find(path)?.file ?? ""));
  if (usesDebians && other !== undefined && settings.image === DEFAULT_IMAGE) {
    throw new MkinitrdError({
      tried: "installing the hooks for new kernels", on: settings.image,
      found: `/${other} writes the same file for each kernel`,
      next: `remove its package or chmod -x /${other}, or give ours another name: --image '/boot/initrd-mkinitrd.img-{kernel}' (and the boot loader an entry for it)`,
    });
  }
  const hooks = [...(usesDebians ? debianHooks(settings) : []), ...(usesSystemds ? [kernelInstallPlugin(settings)] : [])];
  for (const hook of hooks) refuseForeign(system, hook);
  for (const hook of hooks) write(system, hook);
  return { files: hooks.map(({ path }) => join(root, path)), notes: usesSystemds ? installConfNotes(root, system, settings) : [] };
}

/** Takes away what `installHooks` has written; gives the files that were there. */
export function removeHooks(root: string): string[] {
  const system = openSystem(root);
  const settings: HookSettings = { node: "", program: "", config: "", image: DEFAULT_IMAGE, test: false, uki: false };
  const ours = [...debianHooks(settings), kernelInstallPlugin(settings)].filter(({ path }) => isOurHook(system, path));
  for (const { path } of ours) rmSync(system.entry(path)!);
  return ours.map(({ path }) => join(root, path));
}

/** As Debian's boot loaders look for it. */
export const DEFAULT_IMAGE = "/boot/initrd.img-{kernel}";

function refuseForeign(system: MountedSystem, { path }: HookFile): void {
  const found = system.find(path);
  if (found === undefined || isOurHook(system, path)) return;
  throw new MkinitrdError({ tried: "installing the hooks for new kernels", on: found.file, found: `there is another ${found.stats.isFile() ? "file" : "directory or device"} of that name`, next: "move it away" });
}

function isOurHook(system: MountedSystem, path: string): boolean {
  const found = system.find(path);
  return found?.stats.isFile() === true && isOurs(readFileSync(found.file, "utf8"));
}

function openSystem(root: string): MountedSystem {
  const found = statOf(root);
  if (found?.isDirectory() === true) return mountedSystem(root);
  throw new MkinitrdError({ tried: "looking for the hooks for new kernels", on: root, found: found === undefined ? "there is no such directory" : "it is no directory", next: "--root names the directory in which a system is mounted" });
}

function write(system: MountedSystem, { path, text }: HookFile): void {
  const file = system.place(path);
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    chmodSync(file, 0o755);
  } catch (cause) {
    throw new MkinitrdError({ tried: "installing the hooks for new kernels", on: file, found: describeIoError(cause), next: "become root", cause });
  }
}

/** kernel-install asks every generator unless it is told which one, and installs a unified kernel image only where that is the layout; kernel-install(8), "install.conf". */
function installConfNotes(root: string, system: MountedSystem, { uki }: HookSettings): string[] {
  const file = join(root, INSTALL_CONF);
  const found = system.find(INSTALL_CONF);
  const text = found?.stats.isFile() === true ? readFileSync(found.file, "utf8") : "";
  const has = (key: string, value: string) => new RegExp(`^\\s*${key}\\s*=\\s*${value}\\s*$`, "m").test(text);
  const generator = uki ? "uki_generator" : "initrd_generator";
  return [
    ...(has(generator, "mkinitrd") ? [] : [`add the line ${generator}=mkinitrd to ${file}: kernel-install runs other generators as well without it`]),
    ...(!uki || has("layout", "uki") ? [] : [`add the line layout=uki to ${file}: kernel-install installs no unified kernel image without it`]),
  ];
}
