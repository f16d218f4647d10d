import type { Answers } from "./answers.ts";

/** A disk layout to boot, as images/NAME.yaml describes it: what lies on which disk, what boots it, what to type. */
export interface Recipe {
  /** File name without `.yaml`. */
  name: string;
  /** Where relative paths in it start. */
  folder: string;
  /** One sentence for a person. */
  about: string;
  disks: RecipeDisk[];
  arrays: Array[];
  volumeGroups: VolumeGroup[];
  /** The realroot spec that boots it, stages separated by blanks; empty when it holds no root. */
  realroot: string;
  answers: Answers;
}

export interface RecipeDisk {
  sizeBytes: number;
  /** With a table the disk holds partitions, without one a content of its own. */
  table: PartitionTable | undefined;
  content: Content | undefined;
}

export interface PartitionTable {
  type: "gpt" | "dos";
  /** GPT: a GUID; DOS: 0x and eight hexadecimal digits. */
  id: string | undefined;
  partitions: Partition[];
}

export interface Partition {
  /** The rest of the disk when not given. */
  sizeBytes: number | undefined;
  /** GPT: a GUID; DOS: two hexadecimal digits. */
  type: string;
  label: string | undefined;
  uuid: string | undefined;
  content: Content | undefined;
}

/** An md array over all contents that are its members, in the order of the recipe. */
export interface Array {
  name: string;
  level: ArrayLevel;
  metadata: "0.90" | "1.0" | "1.1" | "1.2";
  uuid: string | undefined;
  content: Content | undefined;
}

/** As mdadm --level takes it. */
export type ArrayLevel = "linear" | "0" | "1" | "4" | "5" | "6" | "10";

export interface VolumeGroup {
  name: string;
  logicalVolumes: LogicalVolume[];
}

/** LVM's own names; lvmraid(7), lvmthin(7), lvmcache(7). */
export const LOGICAL_VOLUME_TYPES = ["linear", "mirror", "raid1", "raid5", "raid10", "thin", "snapshot", "cache"] as const;
export type LogicalVolumeType = (typeof LOGICAL_VOLUME_TYPES)[number];

export interface LogicalVolume {
  name: string;
  /** The rest of the group when not given. */
  sizeBytes: number | undefined;
  type: LogicalVolumeType;
  /** Over which its data is spread; 1 for a linear one. Of a raid5 without the one for parity. */
  stripes: number;
  /** Of a snapshot, the volume that it is taken of, which stands before it in the group. */
  origin: string | undefined;
  content: Content | undefined;
}

/** What lies on a disk, a partition, a logical volume or in an opened container. A new kind is one more line here. */
export type Content = LuksContent | PlainContent | TcryptContent | VeracryptContent | PvContent | MdContent | FilesystemContent | MemberContent | HeaderContent | BytesContent;

export interface LuksContent {
  kind: "luks";
  version: 1 | 2;
  passphrase: string;
  uuid: string | undefined;
  label: string | undefined;
  cipher: string | undefined;
  keyBits: number | undefined;
  pbkdf: Pbkdf;
  /** Where its header lies, detached: the label of a partition without a content, or the name of a header. */
  header: string | undefined;
  /** Of the only key; the first when not given. */
  keyslot?: number | undefined;
  content: Content | undefined;
}

/** dm-crypt without a header. */
export interface PlainContent {
  kind: "plain";
  passphrase: string;
  /** The passphrase is the bytes of a key file, which are the key itself, and is not hashed. */
  isKey: boolean;
  cipher: string;
  keyBits: number;
  hash: string;
  /** Where the payload begins on its device, and what is added to the number of each of its sectors. */
  offsetSectors: number;
  skipSectors: number;
  sectorBytes: number;
  content: Content | undefined;
}

/** Cheap unless it says otherwise: a VM without hardware help is to open it quickly. */
export interface Pbkdf {
  type: "pbkdf2" | "argon2i" | "argon2id";
  iterations: number;
  /** Of argon2. */
  memoryBytes: number;
  threads: number;
}

/** A TrueCrypt container, and the hidden one in it. */
export interface TcryptContent extends TcryptVolume {
  kind: "tcrypt";
  /** When all is done: `primary` overwrites the headers at the start, and leaves the copies at the end. */
  destroy: "primary" | undefined;
  hidden: (TcryptVolume & { sizeBytes: number }) | undefined;
  /** The outer volume's content ends where the hidden volume begins: it is made while that one is protected. */
  isProtected: boolean;
}

export interface TcryptVolume {
  passphrase: string;
  /** As cryptsetup names it: `serpent-twofish-aes`. */
  cipher: string;
  hash: "ripemd160" | "sha512" | "whirlpool";
  /** What is in each key file. */
  keyfiles: string[];
  content: Content | undefined;
}

/** A volume whose headers we write ourselves, AES, on a device of this size: what no program of a Debian makes. */
export interface VeracryptContent {
  kind: "veracrypt";
  /** TrueCrypt's is for system encryption. */
  type: "truecrypt" | "veracrypt";
  /** System encryption: the header lies in front of the disk's first partition, and the content in all of this one. */
  system: boolean;
  sizeBytes: number;
  /** What the header at the start says, when that is not the size; the copy at the end says what is true. */
  claimedBytes: number | undefined;
  passphrase: string;
  hash: "sha512" | "sha256" | "ripemd160";
  /** Of VeraCrypt; undefined for none. */
  pim: number | undefined;
  /** What is in each key file. */
  keyfiles: string[];
  /** All of this is the hidden volume in an outer one, of which nobody has the passphrase. */
  hidden: boolean;
  content: Content | undefined;
}

/** Room for the detached header of the LUKS volume whose `header` is this name. */
export interface HeaderContent {
  kind: "header";
  name: string;
}

/** These bytes at the beginning of the device: a key that a device itself is. */
export interface BytesContent {
  kind: "bytes";
  text: string;
}

export interface PvContent {
  kind: "pv";
  vg: string;
}

export interface MdContent {
  kind: "md";
  array: string;
}

export interface FilesystemContent {
  kind: "filesystem";
  fstype: "ext4" | "xfs" | "btrfs" | "squashfs" | "erofs" | "vfat" | "swap";
  label: string | undefined;
  uuid: string | undefined;
  /** Of btrfs: where the root's files go. */
  subvolume: string | undefined;
  root: Root | undefined;
  /** Files to write, text by path; no line end is added. */
  files: Record<string, string>;
}

/** One more device of the btrfs that has this label. */
export interface MemberContent {
  kind: "member";
  of: string;
}

/**
 * The files of a root: a small one of busybox whose init reports and powers off, a directory of the build machine, or a
 * Debian. Of the small one /usr may be apart, and lines may stand in its fstab.
 */
export type Root = BusyboxRoot | { kind: "directory"; path: string } | DebianRoot;

export interface BusyboxRoot {
  kind: "busybox";
  part: BusyboxPart;
  fstab: string;
  /** Where its busybox is from, which may be one for another architecture; without it this machine's own. */
  sysroot?: string;
}

/** All of it, what lies in /usr, or the rest. */
export type BusyboxPart = "whole" | "usr" | "without-usr";

/** A bootstrapped Debian with systemd, LVM and cryptsetup; root logs in without a password. */
export interface DebianRoot {
  kind: "debian";
  suite: string;
  /** Files on top of the packages', by absolute path. */
  files: { path: string; text: string; mode: number }[];
}
