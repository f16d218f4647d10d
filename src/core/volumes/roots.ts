import type { Stage } from "../realroot/types.ts";
import { formatSize } from "./describe.ts";
import { printableLine } from "../quote.ts";
import { RARER_CONTAINERS } from "./rarer-formats.ts";
import { lowerVolumes } from "./tree.ts";
import type { Volume } from "./types.ts";

/** What a root may be on: a filesystem, or what may hold one when it is open. */
const NO_ROOTS = [
  "swap", "swsuspend", "vfat", "jbd", "LVM2_member", "linux_raid_member", "iso9660", ...RARER_CONTAINERS,
  // Of other systems, for exchange, or none that lies on a disk.
  "exfat", "ntfs", "udf", "hfs", "hfsplus", "hammer2", "befs", "nss", "VMFS", "vxfs", "ubifs",
];
const CRYPT_UUID = /^CRYPT-(LUKS1|LUKS2)-([0-9a-f]{32})-/;

type Lower = (volume: Volume) => Volume[];

/** A volume that may be the root, and the stages that would boot it. */
export interface RootCandidate {
  volume: Volume;
  stages: Stage[];
  /** For a person who has to choose: `vg00/lv0  ext4 "root"  10 GiB`. */
  about: string;
}

/** Stands in a realroot for a disk that is an image file here, and that nothing but the machine that boots can name. */
export const UNNAMED_DISK = "/dev/DISK";

/**
 * The volumes that may be the root, each with the stages that open what it lies on: filesystems that can be seen, logical
 * volumes that are not active, and LUKS volumes that nobody has opened.
 */
export function rootCandidates(volumes: Volume[]): RootCandidate[] {
  const lower = lowerVolumes(volumes);
  const opened = new Set(volumes.flatMap(lower));
  return volumes
    .filter((volume) => mayBeRoot(volume) && !opened.has(volume))
    .map((volume) => ({ volume, stages: stagesOf(volume, lower), about: describe(volume) }))
    .filter(({ stages }) => stages.length > 0);
}

function mayBeRoot({ content, lv }: Volume): boolean {
  if (content === undefined) return lv !== undefined && !lv.active && lv.unread === true;
  return !NO_ROOTS.includes(content.type);
}

function stagesOf(volume: Volume, lower: Lower): Stage[] {
  const below = uniqueStages(lower(volume).flatMap((below) => openers(below, lower)));
  const device = deviceOf(volume);
  const fstype = volume.content?.type ?? "auto";
  const { lv } = volume;
  if (lv !== undefined) return [...below, stage("lvm", fstype === "crypto_LUKS" ? "none" : fstype, `${lv.vg}/${lv.lv}`), ...(fstype === "crypto_LUKS" ? [stage("crypt", "auto", device)] : [])];
  if (fstype === "crypto_LUKS") return [...below, stage("crypt", "auto", device)];
  const own = volume.layer === "mapping" ? cryptStage(volume, lower) : undefined;
  return own === undefined ? [...below, stage("local", fstype, device)] : [...below, { ...own, fstype }];
}

/** What opens a volume that others lie on. */
function openers(volume: Volume, lower: Lower, above: Volume[] = []): Stage[] {
  const below = above.includes(volume) ? [] : lower(volume).flatMap((one) => openers(one, lower, [...above, volume]));
  const own = volume.layer === "mapping" ? cryptStage(volume, lower) : volume.lv === undefined ? undefined : stage("lvm", "none", `${volume.lv.vg}/${volume.lv.lv}`);
  return own === undefined ? below : [...below, own];
}

/** The stage that makes this mapping, when somebody knows it, or its name in the kernel says that it is LUKS. */
function cryptStage(volume: Volume, lower: Lower): Stage | undefined {
  const [{ dm, openedBy }, below] = [volume, lower(volume)[0]];
  if (openedBy !== undefined && below !== undefined) return { ...stage("", "none", deviceOf(below)), ...openedBy };
  if (dm === undefined || below === undefined || !CRYPT_UUID.test(dm.uuid)) return undefined;
  return { ...stage("crypt", "none", deviceOf(below)), name: dm.name };
}

function uniqueStages(stages: Stage[]): Stage[] {
  return stages.filter((one, index) => stages.findIndex((other) => other.kind === one.kind && other.device === one.device) === index);
}

function deviceOf({ content, layer, name, partition, path = name }: Volume): string {
  if (content?.uuid !== undefined) return `UUID=${content.uuid}`;
  if (partition !== undefined) return `PARTUUID=${partition.partUuid}`;
  if (layer !== "disk" || path.startsWith("/dev/")) return path;
  return content?.label === undefined ? UNNAMED_DISK : `LABEL=${content.label}`;
}

function stage(kind: string, fstype: string, device: string): Stage {
  return { kind, fstype, device, options: {}, mountOptions: [] };
}

function describe({ content, lv, name, partition, sizeBytes }: Volume): string {
  const label = content?.label ?? partition?.partLabel;
  const type = content?.type ?? (lv === undefined ? "" : "logical volume");
  return [printableLine(name), `${type}${label === undefined ? "" : ` "${printableLine(label)}"`}`, formatSize(sizeBytes)].join("  ");
}
