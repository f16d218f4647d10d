import type { Source } from "../binary/source.ts";
import { window } from "../binary/source.ts";
import { explain } from "../errors.ts";
import { NO_ROLE } from "../formats/md-member.ts";
import type { MdMember } from "../formats/md-member.ts";
import type { ArrayRef, BlockDevice, Volume } from "./types.ts";

/** A superblock has one page, and no room for the roles of more. */
const MOST_DISKS = 2048;

/** A member and the device that it is on. */
export interface FoundMember {
  path: string;
  source: Source;
  member: MdMember;
}

/** An array as its members describe it. */
export interface MdArray {
  ref: Omit<ArrayRef, "active">;
  /** What the array holds, without assembling it; absent when the opener has no way to read it. */
  open?: () => Source;
}

/**
 * Reads an array in user space: given its newest member, and by role the members that are current and whole. Undefined when
 * it can't be read so.
 */
export type OpenArray = (newest: MdMember, members: (FoundMember | undefined)[]) => (() => Source) | undefined;

/** A mirror is on each of its members: all that the early boot reads without assembling. */
const openMirror: OpenArray = ({ level }, members) => {
  const whole = members.find((each) => each !== undefined);
  if (level !== 1 || whole === undefined) return undefined;
  return () => window(whole.source, whole.member.dataStartBytes, whole.member.dataBytes);
};

/**
 * Joins members into arrays by UUID, in the order in which the members are given. The early boot reads mirrors; `openArray` of
 * md-open.ts reads all levels.
 */
export function assembleArrays(found: FoundMember[], open: OpenArray = openMirror): MdArray[] {
  const byUuid = Map.groupBy(found, ({ member }) => member.uuid);
  return [...byUuid.values()].map((members) => assemble(members, open));
}

/** The array of one UUID; what it is stands in the member that was last written to. */
function assemble(found: FoundMember[], open: OpenArray): MdArray {
  const { member: newest } = found.reduce((best, each) => (each.member.events > best.member.events ? each : best));
  // As the kernel: one event behind is still current, the machine ended while they were being written; md.c, super_1_validate.
  const current = found.filter(({ member }) => member.events + 1n >= newest.events);
  const roleOf = ({ deviceNumber }: MdMember): number => newest.roles[deviceNumber] ?? NO_ROLE;
  const present = new Set(current.map(({ member }) => roleOf(member)).filter((role) => role !== NO_ROLE));
  const expected = [...new Set(newest.roles)].filter((role) => role !== NO_ROLE).sort((a, b) => a - b);
  const missing = expected.filter((role) => !present.has(role));
  const { level, metadata, name, preferredMinor, raidDisks, uuid } = newest;
  const node = nodeOf(name, preferredMinor);
  const byRole = new Map(current.toReversed().filter(({ member }) => !member.recovering).map((each) => [roleOf(each.member), each]));
  const copies = current.filter(({ member }, index) => roleOf(member) !== NO_ROLE && current.findIndex((other) => roleOf(other.member) === roleOf(member)) < index).map(({ path }) => path);
  const opener = open(newest, Array.from({ length: raidDisks <= MOST_DISKS ? raidDisks : 0 }, (_, role) => byRole.get(role)));
  return {
    ref: {
      uuid,
      level: levelName(level),
      metadata,
      ...(name === undefined ? {} : { name }),
      ...(node === undefined ? {} : { node }),
      devices: raidDisks,
      failed: raidDisks - expected.length,
      missing,
      outdated: found.filter((each) => !current.includes(each)).map(({ path }) => path),
      ...(copies.length === 0 ? {} : { copies }),
      startable: newest.foreignByteOrder !== true && suffices(level, raidDisks, present.size),
      members: found.map(({ path }) => path),
    },
    ...(opener === undefined ? {} : { open: opener }),
  };
}

/** The kernel's word for a level: `raid1`, `linear`. */
function levelName(level: number): string {
  return level === -1 ? "linear" : `raid${level}`;
}

/** Whether so many members may do. Of raid10 it depends on which ones: the kernel has the last word. */
function suffices(level: number, raidDisks: number, present: number): boolean {
  const spared = { 1: raidDisks - 1, 4: 1, 5: 1, 6: 2, 10: raidDisks / 2 }[level] ?? 0;
  return present > 0 && present >= raidDisks - spared;
}

/** The node that mdadm would give it: /dev/mdN for a number, /dev/md/NAME for a name, without the host in front of it. */
function nodeOf(name: string | undefined, preferredMinor: number | undefined): string | undefined {
  const short = name?.replace(/^[^:]*:/, "") ?? String(preferredMinor ?? "");
  if (/^\d{1,6}$/.test(short)) return `/dev/md${Number(short)}`;
  return /^[^/\0]+$/.test(short) ? `/dev/md/${short}` : undefined;
}

/** The array that an md device of the kernel is, by what lies on the devices below it. */
export function activeArray({ md }: BlockDevice, arrays: MdArray[]): ArrayRef | undefined {
  const array = arrays.find(({ ref }) => ref.members.some((path) => md?.members.includes(path)));
  return array && { ...array.ref, active: true };
}

/** The arrays that are not assembled; the bytes of a mirror can be read on a member. */
export function inactiveArrays(arrays: MdArray[], devices: BlockDevice[]): Volume[] {
  const inUse = new Set(devices.flatMap(({ md }) => md?.members ?? []));
  return arrays.filter(({ ref }) => !ref.members.some((path) => inUse.has(path))).map(({ ref, open }): Volume => {
    const { source, damage } = ref.startable && open !== undefined ? opened(open) : {};
    const name = ref.node ?? `/dev/disk/by-id/md-uuid-${mdadmUuid(ref.uuid)}`;
    return { name, layer: "array", sizeBytes: source?.sizeBytes ?? 0, md: { ...ref, active: false }, ...(source === undefined ? {} : { source }), ...(damage === undefined ? {} : { damage }) };
  });
}

/** What a mirror holds, or why a member says of it what can't be. */
function opened(open: () => Source): { source?: Source; damage?: string } {
  try {
    return { source: open() };
  } catch (error) {
    return { damage: explain(error) };
  }
}

/** A UUID as mdadm writes it: four groups of eight digits with colons. */
export function mdadmUuid(uuid: string): string {
  return uuid.replaceAll("-", "").replaceAll(/.{8}(?=.)/g, "$&:");
}

/** Whether the text is this UUID, in either case of letters, with any or none of the dashes and colons that tools put there. */
export function isArrayUuid(uuid: string, text: string): boolean {
  const digits = text.replaceAll(/[-:]/g, "").toLowerCase();
  return digits.length === 32 && digits === uuid.replaceAll("-", "");
}
