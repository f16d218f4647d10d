import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { install } from "./apt.js";
import { command, say, SetupError } from "./command.js";
import { kernelName } from "./kernel.js";
import { withLock } from "./lock.js";
import { EMULATOR_NEEDS, findProgram, missing } from "./packages.js";
import { cache } from "./paths.js";
import { fetchRuntime } from "./runtime.js";
import { STABLE, stableApt } from "./stable-apt.js";

const META_PACKAGE = "linux-image-cloud-arm64";
/** What rc scripts name, Node's libraries, the links from bin and lib to those below usr, an EFI stub, and a UEFI firmware. */
const PACKAGES = ["base-files", "busybox-static", "cryptsetup-bin", "dmsetup", "e2fsprogs", "kmod", "libatomic1", "libgcc-s1", "libstdc++6", "lvm2", "mdadm", "openssl-provider-legacy", "qemu-efi-aarch64", "systemd-boot-efi", "util-linux"];

/** Where Debian stable for arm64 is unpacked, a kernel in it, for tests. */
export const arm64Sysroot = join(cache, "sysroots/arm64");

/** Downloads and unpacks it and what runs and builds it, unless it is there; where that can't be had, says so: tests skip what wants it. */
export async function fetchArm64() {
  try {
    await install(missing(EMULATOR_NEEDS));
    await fetchRuntime("arm64");
    await withLock(join(cache, "sysroots/.lock"), fetchSysroot);
  } catch (error) {
    say(`going on without Debian ${STABLE} for arm64: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function fetchSysroot() {
  if (existsSync(arm64Sysroot)) return;
  if (findProgram("apt-get") === undefined) throw new SetupError("it needs apt-get");
  const folder = mkdtempSync(join(cache, "sysroots/.new-"));
  try {
    say(`downloading packages of Debian ${STABLE} for arm64`);
    const apt = await stableApt(join(folder, "apt"), "arm64");
    const kernel = kernelName(await apt("apt-cache", ["show", "--no-all-versions", META_PACKAGE]));
    if (kernel === undefined) throw new SetupError(`Debian ${STABLE} has no ${META_PACKAGE}`);
    // It installs nothing: with what they depend on, the packages' files stay in its cache.
    await apt("apt-get", ["install", "--download-only", "-y", "-qq", "--no-install-recommends", kernel, ...PACKAGES]);
    const root = join(folder, "root");
    mkdirSync(root);
    const packages = join(folder, "apt/cache/archives");
    for (const file of readdirSync(packages).filter((name) => name.endsWith(".deb"))) await command("dpkg", ["-x", join(packages, file), root]);
    const firmware = join(root, "usr/share/AAVMF");
    for (const { name } of readdirSync(firmware, { withFileTypes: true }).filter((each) => each.isFile())) await command("fallocate", ["--dig-holes", join(firmware, name)]); // 64 MiB each, of zeros
    await command("depmod", ["-b", root, kernel.replace("linux-image-", "")]); // installing a kernel would do it
    renameSync(root, arm64Sysroot);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
