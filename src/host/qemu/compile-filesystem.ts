import type { Compiler } from "./compile.ts";
import type { FilesystemContent } from "./recipe.ts";

const MOUNT_POINT = "/mnt";

type Maker = (options: { label: string | undefined; uuid: string | undefined }) => { program: string; args: string[] };

const flag = (name: string, value: string | undefined): string[] => (value === undefined ? [] : [name, value]);

/** How each filesystem is made; the device comes last. */
const MAKERS: Record<FilesystemContent["fstype"], Maker> = {
  // Whole at once: a lazy one goes on being made while the disk is booted.
  ext4: ({ label, uuid }) => ({ program: "mke2fs", args: ["-t", "ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", ...flag("-L", label), ...flag("-U", uuid)] }),
  xfs: ({ label, uuid }) => ({ program: "mkfs.xfs", args: ["-q", "-f", ...flag("-L", label), ...(uuid === undefined ? [] : ["-m", `uuid=${uuid}`])] }),
  btrfs: ({ label, uuid }) => ({ program: "mkfs.btrfs", args: ["-q", "-f", ...flag("-L", label), ...flag("-U", uuid)] }),
  vfat: ({ label, uuid }) => ({ program: "mkfs.vfat", args: [...flag("-n", label), ...flag("-i", uuid?.replace("-", ""))] }),
  swap: ({ label, uuid }) => ({ program: "mkswap", args: [...flag("-L", label), ...flag("-U", uuid)] }),
};

/** A filesystem, and the root that it is to hold. */
export function fillFilesystem({ step, archive }: Compiler, device: string, { fstype, label, uuid, root }: FilesystemContent): void {
  const { program, args } = MAKERS[fstype]({ label, uuid });
  step({ about: `${fstype} on ${device}`, program, args: [...args, device] });
  if (root === undefined) return;
  step({ about: `a directory to mount ${device} on`, program: "busybox", args: ["mkdir", "-p", MOUNT_POINT] });
  step({ about: `mounting ${device}`, program: "busybox", args: ["mount", "-t", fstype, device, MOUNT_POINT] });
  step({ about: `the root's files on ${device}`, program: "busybox", args: ["tar", "-x", "-p", "-f", archive(root), "-C", MOUNT_POINT] });
  step({ about: `unmounting ${device}`, program: "busybox", args: ["umount", MOUNT_POINT] });
}
