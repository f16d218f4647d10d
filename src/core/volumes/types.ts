import type { Source } from "../binary/source.ts";
import type { Content } from "../formats/content.ts";
import type { OtherTable } from "../formats/other-tables.ts";
import type { PartitionTable } from "../formats/partition-table.ts";
import type { Stage } from "../realroot/types.ts";

export type { Content };

/** A block device as the kernel lists it, or an image file. */
export interface BlockDevice {
  /** `/dev/vda2`, or the path of the image file. */
  path: string;
  source: Source;
  /** MAJOR:MINOR; absent for an image file. */
  number?: string;
  /** Of the disk; absent where nobody knows: an image file may be of either kind. */
  logicalBlockBytes?: number;
  /** For a partition that the kernel made: the path of its disk, and where it starts. */
  partitionOf?: { disk: string; startSector: number };
  serial?: string;
  /** Worldwide name, as the kernel writes it: `naa.…`, `eui.…`. */
  wwid?: string;
  /** Of a disk: its places on the buses, as /dev/disk/by-path names them. */
  busPaths?: string[];
  /** For a device-mapper device: its name and UUID, which begins with the word of who made it (`LVM-`, `CRYPT-`). */
  dm?: { name: string; uuid: string };
  /** For a device-mapper device: the paths of the devices that its table names. */
  below?: string[];
  /** For an md array: the paths of the devices below it. */
  md?: { members: string[] };
  /** Of a mapping whose name in the kernel does not say it all: what opens it at boot. */
  openedBy?: Pick<Stage, "kind" | "name" | "options">;
}

/** One node of the tree disk → partition → crypt → PV → LV → filesystem. */
export interface Volume {
  /** As a person names it: `/dev/vda2`, `vg00/lv0`, `disk.img:2`. */
  name: string;
  layer: "disk" | "partition" | "mapping" | "array" | "lv";
  /** The device node; absent for what only we see (a partition of an image file, an LV or array that is not active). */
  path?: string;
  /** MAJOR:MINOR of the node. */
  number?: string;
  sizeBytes: number;
  source?: Source;
  /** Of an LV with physical volumes missing: its bytes as far as they are there. A read of the others throws. */
  openPartial?(): Source;
  /** Where its own segments lie on a missing one, from its start on. */
  missingRanges?: { startBytes: number; lengthBytes: number }[];
  content?: Content;
  /** Why its content could not be read: signature found, damage behind it. */
  damage?: string;
  /** A disk with nothing else on it: the partition table of another kind of machine, whose partitions we don't read. */
  otherTable?: OtherTable;
  /** Of a disk that holds partitions: its table. */
  table?: { type: PartitionTable["type"]; uuid: string; usedCopy: PartitionTable["usedCopy"]; logicalBlockBytes: number };
  /** From the partition table that lists it: `startBytes` from the beginning of its disk; `partUuid` is lower case, as blkid prints it; `cutBytes` lie behind the disk's end. */
  partition?: { number: number; startBytes?: number; cutBytes?: number; partUuid: string; partLabel?: string; typeGuid?: string };
  serial?: string;
  /** Worldwide name, as the kernel writes it: `naa.…`, `eui.…`. */
  wwid?: string;
  /** Of a disk: its places on the buses, as /dev/disk/by-path names them. */
  busPaths?: string[];
  dm?: { name: string; uuid: string };
  /** For a mapping: the paths of the devices that its table names. */
  below?: string[];
  openedBy?: BlockDevice["openedBy"];
  /** Of the data of a dm-verity device that was opened: the name of that one. */
  verifiedAs?: string;
  lv?: LogicalVolumeRef;
  md?: ArrayRef;
  /** Name of the volume that it lies on; an LV names its VG in `lv`. */
  parent?: string;
}

/** Which logical volume a volume is. */
export interface LogicalVolumeRef {
  vg: string;
  vgUuid: string;
  lv: string;
  lvUuid: string;
  active: boolean;
  /** UUIDs of the physical volumes that it needs and nobody has seen. */
  missingPvs: string[];
  /** Of the group's missing ones those that are there, by UUID the path: away when the group changed, and marked by LVM for that. */
  returnedPvs?: Record<string, string>;
  /** With those missing it works all the same, without redundancy: a leg of a RAID is away. */
  degradable?: boolean;
  /** Devices of the group's physical volumes that are there: all that `lvm` has to look at. Absent where nobody has seen its metadata. */
  devices?: string[];
  /** Device-mapper names that activation makes, in that order: its own, and those of its parts. Absent as `devices` is. */
  mappings?: string[];
  /** Devices with the same physical volumes on other disks: which of them are the copies, nobody can tell. */
  copies?: string[];
  /** The LV of the group that it is a snapshot of, whose UUID and label it has. */
  snapshotOf?: string;
  /** It is not active, and its type is one whose content nobody can see before it is; it is no pool. */
  unread?: boolean;
  /** Why its kind can't be read here, whatever disks are there. */
  refused?: string;
}

/** Which md array a volume is, as the newest of its members says. */
export interface ArrayRef {
  /** In the form of a UUID. */
  uuid: string;
  /** `raid1`, `linear`. */
  level: string;
  /** `0.90`, `1.0`, `1.1`, `1.2`. */
  metadata: string;
  /** 1.x: `host:root`. */
  name?: string;
  /** Where mdadm would put it: `/dev/md0`, `/dev/md/root`. */
  node?: string;
  active: boolean;
  /** The members of a whole array, and how many of them it had lost already when it was last written to. */
  devices: number;
  failed: number;
  /** Numbers, from 0, of the members that it counts on and that nobody has seen, or that are not up to date. */
  missing: number[];
  /** Paths of members that were away while the others were written to. */
  outdated: string[];
  /** Paths of members whose number another one has, too: which of them are the copies, nobody can tell. */
  copies?: string[];
  /** Whether it can be read with the members that are there. */
  startable: boolean;
  /** Paths of all members that were found, spares among them. */
  members: string[];
}
