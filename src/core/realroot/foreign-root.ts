import { quote } from "../quote.ts";
import { DEVICE_TAGS, normalizeDevice } from "./device.ts";

/** Roots that other tools know by a word, and that are no block device of this machine. */
const ELSEWHERE: [RegExp, string][] = [
  [/^zfs([=:]|$)/i, "a root on ZFS; there is no kind for it"],
  [/^(\/dev\/)?nfs4?([=:]|$)/i, "a root on NFS; a root on the network is not supported"],
  [/^(iscsi|nbd|nvmf|fcoe|aoe|ceph):/i, "a disk on the network, which is not supported"],
  [/^(\/dev\/cifs$|cifs[=:]|cifs$|\/\/)/i, "a root on CIFS; a root on the network is not supported"],
  [/^(dhcp6?|any-net|https?:|ftp:)/i, "a root on the network, which is not supported"],
  [/^(live|livenet|liveiso|anaconda-|casper|overlay)/i, "a live system, which is not supported"],
  [/^(\/dev\/)?(mtd|ubi)/i, "a root on flash memory (MTD, UBI), which is not supported"],
  [/^(virtiofs|9p)[:=]/i, "a shared directory of the host, which is not supported"],
  [/^(gpt-auto|gpt-auto-force|dissect|dissect-force|fstab|tmpfs|bind:|off$)/i, "a root that systemd works out; name the device"],
  [/^\/dev\/(ram\d*|root|initrd)$/, "no disk but the kernel's own word"],
];

/**
 * The device behind `root=` or `resume=`, as a stage has it; on bad input the reason. Forms: the kernel's
 * (admin-guide/kernel-parameters, init/do_mounts.c: paths, PARTUUID=, PARTLABEL=, MAJOR:MINOR, a hexadecimal device number)
 * and every initrd's UUID=, LABEL=, /dev/disk/by-…; dracut's `block:` may stand in front.
 */
export function readForeignDevice(text: string): { text: string } | { reason: string } {
  const name = text.replace(/^block:/, "");
  const elsewhere = ELSEWHERE.find(([pattern]) => pattern.test(name));
  if (elsewhere !== undefined) return { reason: `this is ${elsewhere[1]}` };
  if (/[\p{Cc}\p{Cs}]/u.test(name)) return { reason: "it holds a control character" };
  const number = readDeviceNumber(name);
  if (number !== undefined) return { text: `/dev/block/${number}` };
  if (!name.startsWith("/dev/") && !DEVICE_TAGS.some((tag) => name.startsWith(`${tag}=`))) {
    return { reason: `it is no device that can be looked for; known: a path in /dev, ${DEVICE_TAGS.map((tag) => `${tag}=`).join(", ")}, MAJOR:MINOR` };
  }
  return normalizeDevice("local", name);
}

/** `254:1`; and `fe01`, which the kernel's new_decode_dev splits into 12 bits of major number and 20 of minor. */
function readDeviceNumber(text: string): string | undefined {
  const [, major, minor] = /^(\d{1,4}):(\d{1,7})$/.exec(text) ?? [];
  if (major !== undefined && minor !== undefined) return `${Number(major)}:${Number(minor)}`;
  if (!/^(0x)?[0-9a-f]{3,8}$/i.test(text)) return undefined;
  const number = Number.parseInt(text.replace(/^0x/i, ""), 16);
  return `${(number & 0xfff00) >>> 8}:${(number & 0xff) | ((number >>> 12) & 0xfff00)}`;
}

/** `rootfstype=`: one name as it is; the kernel tries each of a list, and the probe knows which it is. On bad input the reason. */
export function readRootFstype(text: string): { text: string } | { reason: string } {
  if (/^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/.test(text)) return { text };
  return /^[A-Za-z0-9,._+-]+$/.test(text) ? { text: "auto" } : { reason: `${quote(text)} is no filesystem's name` };
}
