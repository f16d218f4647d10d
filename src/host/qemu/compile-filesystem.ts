import { dirname } from "node:path";
import type { Compiler } from "./compile.ts";
import type { FilesystemContent } from "./recipe.ts";

const MOUNT_POINT = "/mnt";
const IMAGE_FILES = "/files";

type Maker = (options: { label: string | undefined; uuid: string | undefined }) => { program: string; args: string[] };

const flag = (name: string, value: string | undefined): string[] => (value === undefined ? [] : [name, value]);

/** How each filesystem is made; the device comes last. Those that are images of a directory are below. */
const MAKERS: Record<Exclude<FilesystemContent["fstype"], "squashfs" | "erofs">, Maker> = {
  // Whole at once: a lazy one goes on being made while the disk is booted.
  ext4: ({ label, uuid }) => ({ program: "mke2fs", args: ["-t", "ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", ...flag("-L", label), ...flag("-U", uuid)] }),
  xfs: ({ label, uuid }) => ({ program: "mkfs.xfs", args: ["-q", "-f", ...flag("-L", label), ...(uuid === undefined ? [] : ["-m", `uuid=${uuid}`])] }),
  btrfs: ({ label, uuid }) => ({ program: "mkfs.btrfs", args: ["-q", "-f", ...flag("-L", label), ...flag("-U", uuid)] }),
  vfat: ({ label, uuid }) => ({ program: "mkfs.vfat", args: [...flag("-n", label), ...flag("-i", uuid?.replace("-", ""))] }),
  swap: ({ label, uuid }) => ({ program: "mkswap", args: [...flag("-L", label), ...flag("-U", uuid)] }),
};

/** A filesystem, and the root that it is to hold; `members` are its other devices. */
export function fillFilesystem(compiler: Compiler, device: string, filesystem: FilesystemContent, members: string[] = []): void {
  const { step, archive } = compiler;
  const { fstype, label, uuid, subvolume, root, files } = filesystem;
  if (fstype === "squashfs" || fstype === "erofs") return makeImage(compiler, device, filesystem, fstype);
  const { program, args } = MAKERS[fstype]({ label, uuid });
  step({ about: `${fstype} on ${[device, ...members].join(", ")}`, program, args: [...args, device, ...members] });
  if (root === undefined && Object.keys(files).length === 0) return;
  const options = members.length === 0 ? [] : ["-o", members.map((member) => `device=${member}`).join(",")];
  const top = subvolume === undefined ? MOUNT_POINT : `${MOUNT_POINT}/${subvolume}`;
  step({ about: `a directory to mount ${device} on`, program: "busybox", args: ["mkdir", "-p", MOUNT_POINT] });
  step({ about: `mounting ${device}`, program: "busybox", args: ["mount", "-t", fstype, ...options, device, MOUNT_POINT] });
  if (subvolume !== undefined) step({ about: `the subvolume ${subvolume} of ${device}`, program: "btrfs", args: ["subvolume", "create", top] });
  if (root !== undefined) step({ about: `the root's files on ${device}`, program: "busybox", args: ["tar", "-x", "-p", "-f", archive(root), "-C", top] });
  for (const [path, text] of Object.entries(files)) {
    if (path.includes("/")) step({ about: `the directory of ${path} on ${device}`, program: "busybox", args: ["mkdir", "-p", `${top}/${dirname(path)}`] });
    step({ about: `${path} on ${device}`, program: "busybox", args: ["dd", `of=${top}/${path}`], input: text });
  }
  step({ about: `unmounting ${device}`, program: "busybox", args: ["umount", MOUNT_POINT] });
}

/** A filesystem that is written once, of a directory of the builder's memory. */
function makeImage({ step, archive }: Compiler, device: string, { uuid, root }: FilesystemContent, fstype: "squashfs" | "erofs"): void {
  if (root === undefined) return;
  step({ about: `a directory for the files of ${device}`, program: "busybox", args: ["mkdir", "-p", IMAGE_FILES] });
  step({ about: `the root's files for ${device}`, program: "busybox", args: ["tar", "-x", "-p", "-f", archive(root), "-C", IMAGE_FILES] });
  if (fstype === "squashfs") step({ about: `squashfs on ${device}`, program: "mksquashfs", args: [IMAGE_FILES, device, "-noappend", "-no-progress", "-quiet"] });
  else step({ about: `erofs on ${device}`, program: "mkfs.erofs", args: [...flag("-U", uuid), device, IMAGE_FILES] });
  step({ about: `removing the files for ${device}`, program: "busybox", args: ["rm", "-r", IMAGE_FILES] });
}
