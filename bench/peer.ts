import { copyFileSync, cpSync, existsSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { MkinitrdError } from "../src/core/errors.ts";
import { cacheDirectory } from "../src/host/cache.ts";
import { bootstrap, inRoot } from "../src/host/qemu/debootstrap.ts";
import type { VmKernel } from "../src/host/qemu/vm-kernel.ts";
import { withLock } from "../tools/lock.js";

const SUITE = "bookworm";
const PACKAGES = ["initramfs-tools", "cryptsetup", "cryptsetup-initramfs", "lvm2", "zstd", "busybox"];
const IMAGE = "boot/initrd.img";

/** What Debian's own initramfs-tools made. */
export interface PeerImage {
  file: string;
  /** `initramfs-tools 0.142+deb12u3, cryptsetup-initramfs 2:2.6.1-4~deb12u2` */
  version: string;
  /** Words for the kernel command line that boot the disk with it. */
  append: string;
  /** What it asks with. */
  prompt: string;
  bytes: number;
}

/**
 * Debian's own initramfs, with its default settings, for a root on the logical volume vg00/lv0 in the LUKS volume of this
 * UUID: initramfs-tools with cryptsetup-initramfs, in a bootstrapped root of its own that stays in the cache. Needs root.
 */
export async function buildPeerImage(kernel: VmKernel, luksUuid: string, file: string): Promise<PeerImage> {
  if (process.getuid?.() !== 0) {
    throw new MkinitrdError({ tried: "making the image of initramfs-tools", on: "this machine", found: "chroot and debootstrap need root", next: "run as root, or leave it out: npm run bench -- --no-peer" });
  }
  const root = cacheDirectory("peers", `initramfs-tools-${SUITE}`);
  return withLock(`${root}.in-use`, async () => {
    await bootstrap(root, SUITE, PACKAGES);
    configure(root, kernel, luksUuid);
    await inRoot(root, ["depmod", kernel.release]);
    await inRoot(root, ["mkinitramfs", "-o", `/${IMAGE}`, kernel.release]);
    copyFileSync(join(root, IMAGE), file);
    rmSync(join(root, IMAGE));
    const { stdout: version } = await inRoot(root, ["dpkg-query", "--show", "--showformat=${Package} ${Version}, ", "initramfs-tools", "cryptsetup-initramfs"]);
    return { file, version: version.replace(/, $/, ""), append: "root=/dev/mapper/vg00-lv0 ro", prompt: "Please unlock disk cryptroot", bytes: statSync(file).size };
  });
}

/** The kernel's modules, its configuration (for the choice of a compression) and the tables that name the root. */
function configure(root: string, { release, image, modulesDirectory }: VmKernel, luksUuid: string): void {
  const modules = join(root, "usr/lib/modules", release);
  if (!existsSync(modules)) cpSync(join(modulesDirectory, release), modules, { recursive: true, verbatimSymlinks: true });
  const config = join(dirname(image), `config-${release}`);
  if (existsSync(config)) cpSync(config, join(root, "boot", basename(config)));
  // Packed only because of `initramfs`: in a chroot no device is found from which it could see that the root needs it.
  writeFileSync(join(root, "etc/crypttab"), `cryptroot UUID=${luksUuid} none luks,discard,initramfs\n`);
  writeFileSync(join(root, "etc/fstab"), "/dev/mapper/vg00-lv0 / ext4 ro 0 1\n");
}
