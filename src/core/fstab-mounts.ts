import { posix } from "node:path";
import type { FstabEntry } from "./formats/fstab.ts";

/** What the early boot mounts of the root's fstab. */
export interface FstabMount {
  /** Absolute, without `.` and `..` in it. */
  target: string;
  /** As `volumes.find` takes it; for `bind` a path of the new root, for `tmpfs` any word. */
  source: string;
  from: "device" | "bind" | "tmpfs";
  fstype: string;
  /** For mount(8): without those that are for the running system only. */
  options: string[];
  /** The real root can't be booted without it. */
  needed: boolean;
  /** `nofail`: when it is not there, nobody waits for it. */
  optional: boolean;
  /** fstab wants it checked. */
  check: boolean;
}

/** An entry that asks to be mounted and can't be, with the reason. */
export interface FstabRefusal {
  target: string;
  needed: boolean;
  reason: string;
}

/** Options that mount(2) does not know: libmount's and systemd's words, for the running system; mount(8), "FILESYSTEM-INDEPENDENT". */
const NOT_FOR_MOUNT = /^(auto|noauto|nofail|user|nouser|users|owner|group|_netdev|defaults|comment=.*|x-.*|X-.*)$/;

const TAG = /^(UUID|LABEL|PARTUUID|PARTLABEL)=./;

/** /usr, and what asks for it with `x-initrd.mount`, parents before what lies in them. Not what says `noauto`. */
export function chooseFstabMounts(entries: FstabEntry[]): (FstabMount | FstabRefusal)[] {
  const wanted = entries
    .map((entry) => ({ ...entry, target: normalize(entry.target) }))
    .filter(({ target, options }) => !["none", "swap", "/"].includes(target) && !options.includes("noauto") && (target === "/usr" || options.includes("x-initrd.mount")));
  const depth = (target: string) => target.split("/").length;
  return wanted.sort((a, b) => depth(a.target) - depth(b.target)).map(chooseOne);
}

function normalize(target: string): string {
  return target.startsWith("/") ? posix.normalize(target).replace(/(.)\/$/, "$1").replace(/^\/\//, "/") : target;
}

function chooseOne({ target, source, fstype, options, passNumber }: FstabEntry): FstabMount | FstabRefusal {
  const needed = target === "/usr";
  const mountOptions = options.filter((option) => !NOT_FOR_MOUNT.test(option));
  const isBind = options.includes("bind") || options.includes("rbind");
  const from = isBind ? "bind" : fstype === "tmpfs" ? "tmpfs" : "device";
  if (from === "bind" && !source.startsWith("/")) return { target, needed, reason: `${source} is no path of the root` };
  if (from === "device" && !TAG.test(source) && !source.startsWith("/dev/")) return { target, needed, reason: `${source} is no device that can be looked for this early` };
  return { target, source, from, fstype: from === "bind" ? "none" : fstype, options: mountOptions, needed, optional: !needed && options.includes("nofail"), check: from === "device" && passNumber > 0 };
}
