import fc from "fast-check";
import { type Disk, readDisk } from "./disk.ts";
import type { FieldPlace, Looked } from "./fields.ts";

/** One change, in numbers that mean something on every disk: places are chosen among those that the reader looks at. */
export type Edit =
  | { kind: "number"; where: number; value: number }
  | { kind: "flip"; where: number; at: number; bit: number }
  | { kind: "text"; where: number; at: number; value: number }
  | { kind: "fill"; where: number; at: number; length: number; byte: number }
  | { kind: "swap"; from: number; to: number; blockBytes: 512 | 4096 }
  | { kind: "cut"; disk: number; size: number };

/** What is done to the disks of one case. */
export interface Damage {
  edits: Edit[];
  /** Make checksums right again, so that what lies behind them is looked at. */
  seal: boolean;
}

const where = fc.nat({ max: 1_000_000 });
const at = fc.nat({ max: 4095 });

/** Edits as fast-check makes and shrinks them. */
export const damage: fc.Arbitrary<Damage> = fc.record({
  edits: fc.array(fc.oneof(
    { weight: 12, arbitrary: fc.record({ kind: fc.constant("number" as const), where, value: fc.nat({ max: 1000 }) }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("flip" as const), where, at, bit: fc.nat({ max: 7 }) }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("text" as const), where, at: fc.nat({ max: 100_000 }), value: fc.nat({ max: 1000 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("fill" as const), where, at, length: fc.integer({ min: 1, max: 8192 }), byte: fc.constantFrom(0, 0xff, 0x20, 0x41) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("swap" as const), from: where, to: where, blockBytes: fc.constantFrom<(512 | 4096)[]>(512, 4096) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("cut" as const), disk: fc.nat({ max: 20 }), size: fc.nat({ max: 1000 }) }) },
  ), { minLength: 1, maxLength: 6 }),
  seal: fc.boolean(),
});

/** The disks with the edits. */
export function applyEdits(disks: readonly Disk[], { fields, ranges }: Looked, edits: readonly Edit[]): Disk[] {
  const changed = disks.map((disk) => ({ ...disk, patches: [...disk.patches] }));
  for (const edit of edits) {
    if (edit.kind === "cut") {
      const disk = changed[edit.disk % changed.length]!;
      disk.sizeBytes = cutSize(disk.sizeBytes, ranges, edit);
    } else if (edit.kind === "number") {
      const field = pick(fields.length > 0 ? fields : ranges.map((range) => ({ ...range, kind: "le" as const })), edit.where);
      if (field !== undefined) write(changed[field.disk]!, field.at, numberBytes(changed, field, edit.value));
    } else if (edit.kind === "text") {
      const field = pick(fields.filter(({ kind }) => kind === "text"), edit.where);
      if (field !== undefined) editText(changed[field.disk]!, field, edit);
    } else if (edit.kind === "swap") {
      const [a, b] = [pick(ranges, edit.from), pick(ranges, edit.to)];
      if (a === undefined || b === undefined) continue;
      const align = (byte: number) => byte - (byte % edit.blockBytes);
      const bytes = [a, b].map((range) => readDisk(changed[range.disk]!, align(range.at), edit.blockBytes));
      write(changed[a.disk]!, align(a.at), bytes[1]!);
      write(changed[b.disk]!, align(b.at), bytes[0]!);
    } else {
      const range = pick(ranges, edit.where);
      if (range === undefined) continue;
      const [disk, byte] = [changed[range.disk]!, range.at + (edit.at % range.lengthBytes)];
      if (edit.kind === "fill") write(disk, byte, Buffer.alloc(edit.length, edit.byte));
      else write(disk, byte, Buffer.from([readDisk(disk, byte, 1)[0]! ^ (1 << edit.bit)]));
    }
  }
  return changed;
}

const pick = <T>(list: readonly T[], where: number): T | undefined => list[where % list.length];

/** Nothing behind the end of a disk. */
function write(disk: Disk, at: number, bytes: Buffer): void {
  if (at >= 0 && at < disk.sizeBytes) disk.patches.push({ at, bytes: bytes.subarray(0, disk.sizeBytes - at) });
}

/** Numbers that are on the edge of something: of the field, of the disk, of what is there. */
function numberBytes(disks: readonly Disk[], { at, disk, kind, lengthBytes: fieldBytes }: FieldPlace, value: number): Buffer {
  const lengthBytes = Math.min(8, fieldBytes);
  const size = BigInt(disks[disk]!.sizeBytes);
  const raw = Buffer.concat([readDisk(disks[disk]!, at, lengthBytes), Buffer.alloc(8 - lengthBytes)]);
  const now = kind === "be" ? raw.readBigUInt64BE() >> BigInt(64 - 8 * lengthBytes) : raw.readBigUInt64LE();
  const top = 1n << BigInt(8 * lengthBytes);
  const edges = [
    0n, 1n, 2n, 3n, 4n, 7n, 8n, 16n, 255n, 256n, 511n, 512n, 513n, 4095n, 4096n, 65535n, 65536n, 1n << 31n, (1n << 31n) - 1n, (1n << 32n) - 1n, 1n << 32n, (1n << 53n) - 1n, 1n << 53n, (1n << 63n) - 1n, 1n << 63n,
    top - 1n, top - 2n, top - 512n, top / 2n, top / 2n - 1n, size, size - 1n, size + 1n, size - 512n, size / 512n, size / 512n - 1n, size / 512n + 1n, size / 4096n, size / 4096n - 1n, size / 2n,
    now + 1n, now - 1n, now + 8n, now * 2n, now / 2n, now * 512n, now / 512n, now << 32n, now ^ (top - 1n), now ^ 0x80n, now + 512n, now - 512n, BigInt(at), BigInt(at) / 512n, BigInt(at) / 4096n, BigInt(value),
  ];
  const bits = BigInt.asUintN(8 * lengthBytes, edges[value % edges.length]!);
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(bits);
  const le = bytes.subarray(0, lengthBytes);
  return kind === "be" ? Buffer.from(le).reverse() : le;
}

/** A word of a text is replaced by another of the same length: a number by one on the edge, another by rubbish or by a piece of the text. */
function editText(disk: Disk, { at, lengthBytes }: FieldPlace, { at: which, value }: { at: number; value: number }): void {
  const text = readDisk(disk, at, Math.max(0, Math.min(lengthBytes, 65536, disk.sizeBytes - at))).toString("latin1");
  const words = [...text.matchAll(/\d+|[A-Za-z_]+|[^\sA-Za-z_\d\0]/g)];
  const word = pick(words, which);
  if (word === undefined) return;
  const length = word[0].length;
  const digits = ["0", "9", "1", "18446744073709551615", "4294967295", "9007199254740993", "-1", "2147483648", "1e9"][value % 9]!;
  const other = [pick(words, value)![0], "\0", "\"", "{", "}", "[", "]", "\x80\xff", "\\", "#", " ", "raid5", "striped"][value % 13]!;
  const filler = /\d/.test(word[0]) ? (value % 2 === 0 ? digits.padEnd(length) : digits.padStart(length, /^[19]$/.test(digits) ? digits : "0")).slice(0, length) : other.padEnd(length).slice(0, length);
  write(disk, at + word.index, Buffer.from(filler, "latin1"));
}

/** Somewhere, or at the edge of what the reader looks at. */
function cutSize(sizeBytes: number, ranges: Looked["ranges"], { disk, size }: { disk: number; size: number }): number {
  const range = pick(ranges.filter((each) => each.disk === disk), size);
  const sizes = [0, 1, 511, 512, sizeBytes - 1, sizeBytes - 512, Math.floor((sizeBytes * size) / 1000), range === undefined ? 0 : range.at, range === undefined ? 0 : range.at + range.lengthBytes - 1, range === undefined ? 0 : range.at + range.lengthBytes];
  return Math.max(0, Math.min(sizeBytes, sizes[size % sizes.length]!));
}
