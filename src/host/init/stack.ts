import { MkinitrdError } from "../../core/errors.ts";
import type { FstabEntry } from "../../core/formats/fstab.ts";
import type { Crypttab } from "../../core/realroot/crypttab.ts";
import type { Stage } from "../../core/realroot/types.ts";
import { applyCrypttab, crypttabNotes } from "./crypttab-notes.ts";
import { type BlockDevice, waysTo } from "./lsblk.ts";
import { isHiddenVolume, logicalName, namedWays } from "./named-ways.ts";

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
  crypttab: Crypttab;
  /** The UUID of a device-mapper device by the kernel's name for it: `CRYPT-LUKS2-…`. */
  dmUuid(kname: string): string | undefined;
  /** The subvolume of the mounted root, as /proc/self/mountinfo has it. */
  subvolume?: string | undefined;
}

/** A stage with its reason. */
export interface Opener {
  stage: Stage;
  reason: string;
  /** A LUKS volume on which no LUKS header is to be seen. */
  detached?: true;
}

/**
 * The stages that open and mount the root of a machine: the device at `/`, else the one that its fstab names there. Throws
 * where neither is known to lsblk, or where it lies on what no stage opens.
 */
export function rootStack(facts: MachineFacts): RootStack {
  const entry = facts.fstab.find(({ target }) => target === "/");
  const named = rootWays(facts, entry);
  const root = named[0]?.at(-1);
  if (root === undefined) throw noRoot(entry);
  const ways = [...otherWays(facts, named, root), ...named];
  const fstype = root.fstype ?? entry?.fstype ?? "auto";
  const stack: RootStack = { stages: [], reasons: [], alsoKinds: [], notes: [] };
  const subvolume = fstype === "btrfs" ? (entry?.options.find((option) => option.startsWith("subvol="))?.slice("subvol=".length) ?? facts.subvolume)?.replace(/^\//, "") : undefined;
  const found: (Opener & { above: number })[] = [];
  for (const way of ways) {
    for (const { opener, above } of openersOf(way, facts, stack)) if (!found.some((other) => isSame(other, opener))) found.push({ ...opener, above });
  }
  for (const opener of found) applyCrypttab(opener, facts.crypttab.entries, stack.notes);
  stack.notes.push(...crypttabNotes(found, facts.crypttab.warnings));
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
  addUsr(facts, found, stack);
  return stack;
}

function rootWays({ devices }: MachineFacts, entry: FstabEntry | undefined): BlockDevice[][] {
  const mounted = waysTo(devices, ({ mountpoints }) => mountpoints.includes("/"));
  return mounted.length > 0 || entry === undefined ? mounted : namedWays(devices, entry.source);
}

/** A btrfs lies on several devices, and lsblk lists one of them as mounted. */
function otherWays({ devices }: MachineFacts, named: BlockDevice[][], root: BlockDevice): BlockDevice[][] {
  if (root.fstype !== "btrfs" || root.uuid === undefined) return [];
  const known = new Set(named.map((way) => way.at(-1)?.name));
  return waysTo(devices, ({ fstype, uuid, name }) => fstype === "btrfs" && uuid === root.uuid && !known.has(name));
}

/** What /usr of the fstab needs beside the stages of the root: volumes are activated for it, and nobody is asked for a key. */
function addUsr(facts: MachineFacts, found: Opener[], stack: RootStack): void {
  const entry = facts.fstab.find(({ target }) => target === "/usr");
  if (entry === undefined) return;
  const aside: RootStack = { ...stack, notes: [] };
  const needed = namedWays(facts.devices, entry.source).flatMap((way) => openersOf(way, facts, aside)).map(({ opener }) => opener);
  const missing = needed.filter((opener, index) => ![...found, ...needed.slice(0, index)].some((other) => isSame(other, opener)));
  for (const { stage, reason } of missing) {
    if (stage.kind !== "lvm") stack.notes.push(`/usr (/etc/fstab line ${entry.lineNumber}) lies on a volume that no stage of the root opens (${reason}): add a stage for it in front, or a crypttab to the image, docs/mounting.md`);
    else if (![...stack.stages, ...stack.alsoKinds].some(({ kind }) => kind === "lvm")) stack.alsoKinds.push({ kind: "lvm", reason: `${reason}; /etc/fstab line ${entry.lineNumber} mounts it at /usr` });
  }
}

function openersOf(way: BlockDevice[], facts: MachineFacts, stack: RootStack): { opener: Opener; above: number }[] {
  return way.flatMap((one, index) => {
    const opener = isHiddenVolume(one, way[index + 1]) ? undefined : openerOf(one, way[index - 1], facts, stack);
    return opener === undefined ? [] : [{ opener, above: way.length - index }];
  });
}

const isSame = (one: Opener, other: Opener) => one.stage.kind === other.stage.kind && one.stage.device === other.stage.device;

/** The stage that makes a device out of the one below it; none for disks and partitions. */
function openerOf(device: BlockDevice, below: BlockDevice | undefined, facts: MachineFacts, stack: RootStack): Opener | undefined {
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
    if (uuid.startsWith("CRYPT-LUKS")) return { stage: stage("crypt", at, name), reason: `${device.name} is LUKS with its header elsewhere, on ${below?.name ?? "?"}`, detached: true };
    const plain = stage("crypt", at, name);
    plain.options["type"] = "plain";
    stack.notes.push(`${device.name} is no LUKS volume: cipher, size and hash of a plain one have to be added to its options, docs/crypt.md`);
    return { stage: plain, reason: `${device.name} is dm-crypt without LUKS on ${below?.name ?? "?"}` };
  }
  if (!["disk", "part", "loop", "rom"].includes(device.type)) stack.notes.push(`${device.name} is of the type ${device.type}, which no stage opens`);
  return undefined;
}

function opens(stage: Stage, root: BlockDevice): boolean {
  return stage.kind === "lvm" ? root.type === "lvm" : root.type === "crypt";
}

function noRoot(entry: FstabEntry | undefined): MkinitrdError {
  return new MkinitrdError({
    tried: "finding out what the root of this machine lies on",
    on: entry === undefined ? "/etc/fstab" : entry.source,
    found: entry === undefined ? "nothing that lsblk lists is mounted at /, and /etc/fstab has no line for it" : "lsblk lists no such device",
    next: "write the realroot yourself: docs/realroot.md",
  });
}
