import { MkinitrdError } from "../../core/errors.ts";
import { listReleases } from "../plan/kernel.ts";
import { modulesBelow } from "../plan/sysroot.ts";

/** In the name of an image: the release of its kernel. */
const PLACEHOLDER = "{kernel}";

/** What names the kernels of a build and its image; a Config is one. */
interface KernelSettings {
  sysroot: string;
  modulesDirectory?: string;
  /** A release, or `all`; without it the newest. */
  kernel?: string;
  output: string;
}

/**
 * One build for each kernel that is meant: of `all` for each release with modules, in the order of their age. The release takes
 * the place of `{kernel}` in the image's name; of several images whose name has none it stands behind it. Throws where `all` are none.
 */
export function forEachKernel<T extends KernelSettings>(settings: T): T[] {
  const { kernel, output } = settings;
  const directory = settings.modulesDirectory ?? modulesBelow(settings.sysroot);
  if (kernel !== "all") {
    const release = kernel ?? (output.includes(PLACEHOLDER) ? listReleases(directory).at(-1) : undefined);
    return [release === undefined ? settings : { ...settings, kernel: release, output: output.replaceAll(PLACEHOLDER, release) }];
  }
  const releases = listReleases(directory);
  if (releases.length === 0) throw new MkinitrdError({ tried: "finding the kernels", on: directory, found: "no kernel has modules there", next: "name another directory: --modules-directory DIR" });
  const name = output.includes(PLACEHOLDER) ? output : `${output}-${PLACEHOLDER}`;
  return releases.map((release) => ({ ...settings, kernel: release, output: name.replaceAll(PLACEHOLDER, release) }));
}
