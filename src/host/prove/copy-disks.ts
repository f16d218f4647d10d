import type { Content, RecipeDisk } from "../qemu/recipe.ts";
import type { DiskNode } from "./disk-node.ts";
import { MIB } from "./sizes.ts";

const GPT_LINUX = "0FC63DAF-8483-4772-8E79-3D69D8477DE4";
const FILLER_BYTES = 8 * MIB;

/** A partition of a copy. */
export interface Slot {
  number: number | undefined;
  label: string | undefined;
  uuid: string | undefined;
  content: Content | undefined;
}

/** A disk that the spec names by its node has that place: `/dev/sdb` is the second one. */
export function inOrder<Disk extends { node: DiskNode | undefined; slots: Slot[]; whole: Content | undefined }>(disks: Map<string, Disk>): (Disk | undefined)[] {
  const ordered: (Disk | undefined)[] = [];
  for (const disk of disks.values()) if (disk.node !== undefined) ordered[disk.node.index] = disk;
  for (const disk of disks.values()) if (disk.node === undefined) ordered.push(disk);
  return Array.from(ordered, (disk) => disk);
}

/** The disk with its partitions: those that the spec numbers at their places, the others behind them. */
export function recipeDisk(disk: { slots: Slot[]; whole: Content | undefined } | undefined, bytesOf: (content: Content | undefined) => number): RecipeDisk {
  if (disk === undefined) return { sizeBytes: FILLER_BYTES, table: undefined, content: undefined };
  if (disk.whole !== undefined) return { sizeBytes: bytesOf(disk.whole), table: undefined, content: disk.whole };
  const numbered = new Map(disk.slots.flatMap((slot) => (slot.number === undefined ? [] : [[slot.number, slot] as const])));
  const free = disk.slots.filter(({ number }) => number === undefined);
  const count = Math.max(0, ...numbered.keys());
  const slots = [...Array.from({ length: count }, (_, i) => numbered.get(i + 1)), ...free];
  const partitions = slots.map((slot) => ({
    sizeBytes: slot === undefined ? FILLER_BYTES : bytesOf(slot.content),
    type: GPT_LINUX, label: slot?.label, uuid: slot?.uuid, content: slot?.content,
  }));
  return { sizeBytes: partitions.reduce((sum, { sizeBytes }) => sum + sizeBytes, FILLER_BYTES), table: { type: "gpt", id: undefined, partitions }, content: undefined };
}
