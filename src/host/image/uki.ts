import { existsSync } from "node:fs";
import { join } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import { ownArchitecture, type Architecture, type ArchitectureName } from "../architecture.ts";
import { exec } from "../exec.ts";
import { kernelArchitecture } from "../qemu/kernel-architecture.ts";
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

/** As UEFI calls them. UEFI 2.10, section 3.5.1.1 */
const EFI_NAMES: Record<ArchitectureName, string> = { x86_64: "x64", aarch64: "aa64" };

/**
 * The settings for an image for this architecture: ukify would take this machine's own stub, for another architecture it is the
 * sysroot's. Throws where that is not there, and for a kernel that is for another architecture.
 */
export function ukiFor(architecture: Architecture, { kernel, sysroot, settings }: { kernel: string; sysroot: string; settings: UkiSettings }): UkiSettings {
  const found = kernelArchitecture(kernel);
  const tried = "making a unified kernel image";
  if (found !== undefined && found !== architecture.name) throw new MkinitrdError({ tried, on: kernel, found: `it is a kernel for ${found}, and the programs in ${sysroot} are for ${architecture.name}`, next: "name another one: --uki-kernel FILE" });
  if (settings.stub !== undefined || architecture.name === ownArchitecture().name) return settings;
  const efiName = EFI_NAMES[architecture.name];
  const stub = join(sysroot, `usr/lib/systemd/boot/efi/linux${efiName}.efi.stub`);
  if (existsSync(stub)) return { ...settings, stub };
  throw new MkinitrdError({ tried, on: stub, found: "no such file", next: `unpack ${architecture.debian}'s package systemd-boot-efi there, or name the stub: uki: {stub: FILE}` });
}

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
