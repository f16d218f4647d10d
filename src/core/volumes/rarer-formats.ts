import type { Source } from "../binary/source.ts";
import { probeBcache } from "../formats/bcache.ts";
import { probeBcachefs } from "../formats/bcachefs.ts";
import type { Content } from "../formats/content.ts";
import { probeExfat } from "../formats/exfat.ts";
import { probeIntegrity } from "../formats/integrity.ts";
import { probeIso9660 } from "../formats/iso9660.ts";
import { identity } from "../formats/label.ts";
import { probeNilfs } from "../formats/nilfs.ts";
import { probeNtfs } from "../formats/ntfs.ts";
import * as other from "../formats/other-superblocks.ts";
import type { OtherTable } from "../formats/other-tables.ts";
import * as raid from "../formats/raid-members.ts";
import type { Probe } from "../formats/superblock.ts";
import { probeVerity } from "../formats/verity.ts";
import { probeZfs } from "../formats/zfs.ts";

/** The formats that are asked when a source is none of the usual ones; the first that it is counts. */
export interface Formats {
  /** Their signature is in the first 512 bytes: whatever was written there since has removed it. */
  inFirstSector: Probe[];
  /** The others: members of arrays first, as libblkid has it, then by how much of a signature there is. */
  behindFirstSector: Probe[];
  /** Names of volumes whose content nobody looks at: it is read, verified, through another one. */
  unread?: ReadonlySet<string>;
  /** Partition tables that are recognised and not read. */
  table?: (source: Source) => Promise<OtherTable | undefined>;
}

/** The types that are looked for first, and that most machines are made of. */
export const USUAL_TYPES = [
  "crypto_LUKS", "LVM2_member", "linux_raid_member", "ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "vfat", "swap", "swsuspend", "jbd", "squashfs",
  "erofs", "ufs",
];

/** What the early boot knows beside the usual: what a root, a key file or a volume may be on, or be mistaken for. */
export const RARER_FORMATS: Formats = {
  inFirstSector: [verity, integrity, probeExfat, probeNtfs, other.probeCramfsLittle, other.probeCramfsBig, other.probeRomfs],
  behindFirstSector: [
    raid.probeIsw, raid.probeIsw4k, raid.probeLsi, raid.probeVia, raid.probeHpt37x, raid.probeAdaptec,
    probeBcache, probeBcachefs, raid.probeDrbd8, raid.probeDrbd84, raid.probeDrbd9,
    other.probeReiserfs, other.probeReiser4, other.probeJfs, probeIso9660, probeZfs, other.probeOcfs2, other.probeGfs2, probeNilfs,
  ],
};

/** Of all these types, those that hold other volumes, or nothing that can be mounted. */
export const RARER_CONTAINERS = [
  "BitLocker", "cs_fvault2", "DM_verity_hash", "DM_integrity", "bcache", "drbd", "drbdmanage_control_volume", "zfs_member", "scoutfs_data",
  "VMFS_volume_member", "adaptec_raid_member", "hpt37x_raid_member", "isw_raid_member", "lsi_mega_raid_member", "via_raid_member",
];

async function verity(source: Source): Promise<Content | undefined> {
  const header = await probeVerity(source);
  return header && { type: "DM_verity_hash", version: "1", ...identity(header.uuid, undefined) };
}

async function integrity(source: Source): Promise<Content | undefined> {
  const header = await probeIntegrity(source);
  return header && { type: "DM_integrity", version: `${header.version}` };
}
