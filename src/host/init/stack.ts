import { MkinitrdError } from "../../core/errors.ts";
import type { FstabEntry } from "../../core/formats/fstab.ts";
import type { CrypttabEntry } from "../../core/realroot/crypttab.ts";
import type { Stage } from "../../core/realroot/types.ts";
import { parseDevice } from "../../core/volumes/match.ts";
import { type BlockDevice, waysTo } from "./lsblk.ts";

/** What the root of a machine lies on. */
export interface RootStack {
  stages: Stage[];
  /** Why each stage is there, in the same order. */
  reasons: string[];
  /** Kinds that the image needs beside those of the stages. */
  alsoKinds: { kind: string; reason: string }[];
  notes: string[];
}

export interface MachineFacts {
  devices: BlockDevice[];
  fstab: FstabEntry[];
  crypttab: CrypttabEntry[];
  /** The UUID of a device-mapper device by the kernel's name for it: `CRYPT-LUKS2-…`. */
  dmUuid(kname: string): string | undefined;
  /** The subvolume of the mounted root, as /proc/self/mountinfo has it. */
  subvolume?: string | undefined;
}

/**
 * The stages that open and mount the root of a machine: the device at `/`, else the one that its fstab names there. Throws
 * where neither is known to lsblk, or where it lies on what no stage opens.
 */
export function rootStack(facts: MachineFacts): RootStack {
  const entry = facts.fstab.find(({ target }) => target === "/");
  const ways = rootWays(facts, entry);
  const root = ways[0]?.at(-1);
  if (root === undefined) throw noRoot(entry);
  const fstype = root.fstype ?? entry?.fstype ?? "auto";
  const stack: RootStack = { stages: [], reasons: [], alsoKinds: [], notes: [] };
  const subvolume = fstype === "btrfs" ? (entry?.options.find((option) => option.startsWith("subvol="))?.slice("subvol=".length) ?? facts.subvolume)?.replace(/^\//, "") : undefined;
  const found: { stage: Stage; reason: string; above: number }[] = [];
  for (const way of ways) {
    for (const [index, one] of way.entries()) {
      const opener = openerOf(one, way[index - 1], facts, stack);
      if (opener === undefined || found.some(({ stage: { kind, device } }) => kind === opener.stage.kind && device === opener.stage.device)) continue;
      found.push({ ...opener, above: way.length - index });
    }
  }
  for (const opener of found) applyCrypttab(opener, facts.crypttab, stack);
  found.sort((one, other) => other.above - one.above); // what several volumes lie on is opened before what lies on them
  stack.stages = found.map(({ stage }) => stage);
  stack.reasons = found.map(({ reason }) => reason);
  const last = found.at(-1)?.stage;
  const mounts = last !== undefined && opens(last, root);
  const from = root.mountpoints.includes("/") ? "it is mounted at /" : `/etc/fstab line ${entry?.lineNumber ?? 0} mounts it at /`;
  if (mounts) {
    Object.assign(last, { fstype, ...(subvolume === undefined || subvolume === "" ? {} : { subvolume }) });
    stack.reasons[stack.reasons.length - 1] += `; ${from}`;
  } else {
    stack.stages.push({ kind: "local", fstype, device: root.uuid === undefined ? root.name : `UUID=${root.uuid}`, ...(subvolume === undefined || subvolume === "" ? {} : { subvolume }), options: {}, mountOptions: [] });
    stack.reasons.push(`${root.name}: ${from}`);
  }
  return stack;
}

function rootWays({ devices }: MachineFacts, entry: FstabEntry | undefined): BlockDevice[][] {
  const mounted = waysTo(devices, ({ mountpoints }) => mountpoints.includes("/"));
  if (mounted.length > 0 || entry === undefined) return mounted;
  const named = parseDevice(entry.source);
  return waysTo(devices, (device) => {
    if (named.by === "uuid") return device.uuid?.toLowerCase() === named.value.toLowerCase() && !isContainer(device);
    if (named.by === "label") return device.label === named.value && !isContainer(device);
    if (named.by === "partuuid") return device.partuuid?.toLowerCase() === named.value.toLowerCase();
    if (named.by === "lv") return device.type === "lvm" && logicalName(device) === `${named.vg}/${named.lv}`;
    return device.name === entry.source || device.kname === entry.source;
  });
}

const isContainer = ({ fstype }: BlockDevice) => ["crypto_LUKS", "LVM2_member", "linux_raid_member"].includes(fstype ?? "");

/** The stage that makes a device out of the one below it; none for disks and partitions. */
function openerOf(device: BlockDevice, below: BlockDevice | undefined, facts: MachineFacts, stack: RootStack): { stage: Stage; reason: string } | undefined {
  const stage = (kind: string, what: string, name?: string): Stage => ({ kind, fstype: "none", device: what, ...(name === undefined ? {} : { name }), options: {}, mountOptions: [] });
  if (device.type === "lvm") return { stage: stage("lvm", logicalName(device)), reason: `${device.name} is a logical volume` };
  if (device.type.startsWith("raid") || device.type === "linear") {
    const reason = `${device.name} is an array (${device.type})`;
    if (!stack.alsoKinds.some((also) => also.reason === reason)) stack.alsoKinds.push({ kind: "md", reason });
    return undefined;
  }
  if (device.type === "crypt") {
    const uuid = facts.dmUuid(device.kname) ?? "";
    const name = device.name.replace(/^\/dev\/mapper\//, "");
    const at = below?.uuid !== undefined && below.fstype === "crypto_LUKS" ? `UUID=${below.uuid}` : below?.partuuid !== undefined ? `PARTUUID=${below.partuuid}` : (below?.name ?? "");
    if (uuid.startsWith("CRYPT-TCRYPT-")) return { stage: stage("tcplay", at, name), reason: `${device.name} is a TrueCrypt or VeraCrypt volume on ${below?.name ?? "?"}` };
    if (below?.fstype === "crypto_LUKS") return { stage: stage("crypt", at, name), reason: `${device.name} is LUKS on ${below.name}` };
    const plain = stage("crypt", at, name);
    plain.options["type"] = "plain";
    stack.notes.push(`${device.name} is no LUKS volume: cipher, size and hash of a plain one have to be added to its options, docs/crypt.md`);
    return { stage: plain, reason: `${device.name} is dm-crypt without LUKS on ${below?.name ?? "?"}` };
  }
  if (!["disk", "part", "loop", "rom"].includes(device.type)) stack.notes.push(`${device.name} is of the type ${device.type}, which no stage opens`);
  return undefined;
}

/** The options that the system itself opens the volume with. */
function applyCrypttab(opener: { stage: Stage; reason: string }, crypttab: CrypttabEntry[], stack: RootStack): void {
  const { stage } = opener;
  const entry = stage.name === undefined ? undefined : crypttab.find((one) => one.stage.name === stage.name && one.stage.kind === stage.kind);
  if (entry === undefined) return;
  stage.options = entry.stage.options;
  opener.reason += `, with the options that /etc/crypttab gives it`;
  const key = stage.options["keyfile"];
  if (typeof key === "string") stack.notes.push(`the key file ${key} is not in the image: \`files: [{from: ${key}, to: ${key}, mode: "0400"}]\` packs it, docs/secrets.md; else the passphrase is asked for`);
}

function opens(stage: Stage, root: BlockDevice): boolean {
  return stage.kind === "lvm" ? root.type === "lvm" : root.type === "crypt";
}

/** `vg00/root` for /dev/mapper/vg00-root, whose dashes within a name are doubled. */
function logicalName({ name }: BlockDevice): string {
  const [, vg = "", lv = ""] = /^\/dev\/mapper\/((?:[^-]|--)+)-((?:[^-]|--)+)$/.exec(name) ?? [];
  return [vg, lv].map((part) => part.replaceAll("--", "-")).join("/");
}

function noRoot(entry: FstabEntry | undefined): MkinitrdError {
  return new MkinitrdError({
    tried: "finding out what the root of this machine lies on",
    on: entry === undefined ? "/etc/fstab" : entry.source,
    found: entry === undefined ? "nothing that lsblk lists is mounted at /, and /etc/fstab has no line for it" : "lsblk lists no such device",
    next: "write the realroot yourself: docs/realroot.md",
  });
}
