import { existsSync } from "node:fs";
import { join } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import { exec } from "../exec.ts";
import { isProgram } from "../stat.ts";

/** What a unified kernel image is made of beside the initrd; https://uapi-group.org/specifications/specs/unified_kernel_image/ */
export interface UkiSettings {
  /** The kernel's file; without it the one of the image's release, where kernels lie. */
  kernel?: string | undefined;
  /** The kernel command line in it; without one the firmware's or the boot loader's is taken. */
  commandLine?: string | undefined;
  /** The EFI stub; without it the one that ukify finds. */
  stub?: string | undefined;
}

const OS_RELEASE = ["/etc/os-release", "/usr/lib/os-release"];
/** Where systemd's packages had it before it got a place in PATH. */
const LIBRARY_PLACE = "/usr/lib/systemd/ukify";

/** Makes a unified kernel image of a kernel and an initrd, by ukify(1), which reads its own configuration for keys to sign with. */
export async function makeUki(from: { kernel: string; kernelRelease: string; initrd: string; settings: UkiSettings; sysroot: string }, output: string): Promise<void> {
  const { commandLine, stub } = from.settings;
  const osRelease = OS_RELEASE.map((path) => join(from.sysroot, path)).find((file) => existsSync(file));
  const args = [
    "build", `--linux=${from.kernel}`, `--initrd=${from.initrd}`, `--uname=${from.kernelRelease}`, `--output=${output}`,
    ...(commandLine === undefined ? [] : [`--cmdline=${commandLine}`]),
    ...(stub === undefined ? [] : [`--stub=${stub}`]),
    ...(osRelease === undefined ? [] : [`--os-release=@${osRelease}`]),
  ];
  await exec(findUkify(), args);
}

/** The path of ukify. Throws with how to get it. */
export function findUkify(path = process.env["PATH"] ?? ""): string {
  const found = [...path.split(":").filter((directory) => directory !== "").map((directory) => join(directory, "ukify")), LIBRARY_PLACE].find(isProgram);
  if (found !== undefined) return found;
  throw new MkinitrdError({ tried: "making a unified kernel image", on: "this machine", found: "no program ukify", next: "install it; on Debian 13 and later: apt-get install systemd-ukify systemd-boot-efi" });
}
