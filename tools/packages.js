import { accessSync, constants } from "node:fs";
import { join } from "node:path";

/** @typedef {{ program: string, package: string, purpose: string }} Need */

/**
 * Programs that the builder, the virtual machines and the tests call, and the Debian package of each.
 * @type {Need[]}
 */
export const NEEDS = [
  { program: "qemu-system-x86_64", package: "qemu-system-x86", purpose: "boots images" },
  { program: "busybox", package: "busybox-static", purpose: "the image's shell and small programs" },
  { program: "cryptsetup", package: "cryptsetup-bin", purpose: "opens LUKS, in the image and in tests" },
  { program: "tcplay", package: "tcplay", purpose: "makes TrueCrypt volumes, and opens them beside a hidden one" },
  { program: "lvm", package: "lvm2", purpose: "activates logical volumes, in the image and in tests" },
  { program: "mdadm", package: "mdadm", purpose: "assembles md arrays, in the image and in tests" },
  { program: "dmsetup", package: "dmsetup", purpose: "device-mapper, in the image" },
  { program: "depmod", package: "kmod", purpose: "indexes kernel modules" },
  { program: "cpio", package: "cpio", purpose: "reads our archives in tests" },
  { program: "zstd", package: "zstd", purpose: "compresses layers" },
  { program: "xz", package: "xz-utils", purpose: "reads compressed kernel modules" },
  { program: "lz4", package: "lz4", purpose: "compresses images where that is asked for" },
  { program: "bzip2", package: "bzip2", purpose: "compresses images where that is asked for" },
  { program: "lzop", package: "lzop", purpose: "compresses images where that is asked for" },
  { program: "mkfs.ext4", package: "e2fsprogs", purpose: "makes disks for the virtual machines" },
  { program: "mkfs.xfs", package: "xfsprogs", purpose: "makes disks for the virtual machines" },
  { program: "mkfs.btrfs", package: "btrfs-progs", purpose: "makes disks for the virtual machines" },
  { program: "mksquashfs", package: "squashfs-tools", purpose: "makes disks for the virtual machines" },
  { program: "mkfs.erofs", package: "erofs-utils", purpose: "makes disks for the virtual machines" },
  { program: "mkfs.vfat", package: "dosfstools", purpose: "makes disks for the virtual machines" },
  { program: "mtype", package: "mtools", purpose: "reads what a boot wrote to a FAT filesystem, in tests" },
  { program: "sgdisk", package: "gdisk", purpose: "makes partition tables" },
  { program: "sfdisk", package: "fdisk", purpose: "makes partition tables" },
  { program: "blkid", package: "util-linux", purpose: "says what a disk holds, in tests" },
];

/**
 * What the tests need on top, and images with keymaps.
 * @type {Need[]}
 */
export const KEYMAP_NEEDS = [
  { program: "loadkeys", package: "kbd", purpose: "converts keymaps" },
  { program: "ckbcomp", package: "console-setup", purpose: "makes keymaps of XKB's layouts" },
];

/**
 * What the tests need on top: a root on the network, and what reads manual pages and images.
 * @type {Need[]}
 */
export const TEST_NEEDS = [
  { program: "qemu-nbd", package: "qemu-utils", purpose: "serves a root on the network" },
  { program: "nbd-client", package: "nbd-client", purpose: "attaches it, in the image" },
  { program: "mandoc", package: "mandoc", purpose: "checks the manual pages" },
  { program: "lsinitramfs", package: "initramfs-tools-core", purpose: "lists and unpacks images" },
];

/**
 * What images for another architecture need on top: what boots them, and what runs their programs while they are built.
 * @type {Need[]}
 */
export const EMULATOR_NEEDS = [
  { program: "qemu-system-aarch64", package: "qemu-system-arm", purpose: "boots images for arm64" },
  { program: "qemu-aarch64", package: "qemu-user", purpose: "runs Node for arm64" },
];

/**
 * What the tests, which boot a Debian, and the comparison of `npm run bench` need on top.
 * @type {Need[]}
 */
export const DEBOOTSTRAP_NEEDS = [{ program: "debootstrap", package: "debootstrap", purpose: "makes a Debian in a directory" }];

/**
 * Those of the needs whose program is not there.
 * @param {Need[]} [needs]
 */
export function missing(needs = NEEDS) {
  return needs.filter(({ program }) => findProgram(program) === undefined);
}

/**
 * The path of a program, undefined when it is nowhere. An ordinary user's PATH lacks the system directories.
 * @param {string} name
 */
export function findProgram(name) {
  return programPath().split(":").map((directory) => join(directory, name)).find(isExecutable);
}

/** PATH with the directories that hold system programs. */
export function programPath() {
  const directories = (process.env.PATH || "/usr/bin:/bin").split(":");
  const system = ["/usr/local/sbin", "/usr/sbin", "/sbin"].filter((directory) => !directories.includes(directory));
  return [...directories, ...system].join(":");
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
