import { MkinitrdError } from "../../core/errors.ts";
import { printableLine } from "../../core/quote.ts";

/** A range that could not be read, and the reason; or several of one length, as one leg of a striped volume leaves them. */
export interface Unreadable {
  startBytes: number;
  lengthBytes: number;
  /** How many such ranges there are, the first among them; absent for one. */
  times?: number;
  /** From the start of one to that of the next. */
  everyBytes?: number;
  /** Of the first. */
  why: string;
}

/** A dying disk may fail in every block: a person reads no list of millions. */
const MOST_LISTED = 10_000;
/** So many at even distances are one entry. */
const FOLDED_FROM = 8;

/** Adds a range behind those that are listed. Those that touch are one, with the reason of the first. */
export function noteRange(list: Unreadable[], range: Unreadable): void {
  const last = list.at(-1);
  if (last !== undefined && last.times === undefined && last.startBytes + last.lengthBytes === range.startBytes) {
    last.lengthBytes += range.lengthBytes;
    return;
  }
  if (list.length >= MOST_LISTED) list.splice(0, list.length, ...foldRanges(list));
  if (list.length >= MOST_LISTED) throw new MkinitrdError({ tried: "copying what can be read", on: "the volume", found: `more than ${MOST_LISTED} ranges that can't be read`, next: "copy the disk with ddrescue first" });
  list.push(range);
}

/** The list with one entry for ranges of one length at even distances. */
export function foldRanges(list: readonly Unreadable[]): Unreadable[] {
  const folded: Unreadable[] = [];
  for (let index = 0; index < list.length;) {
    const first = list[index]!;
    const everyBytes = first.everyBytes ?? (list[index + 1]?.startBytes ?? 0) - first.startBytes;
    let times = first.times ?? 1;
    let next = index + 1;
    const goesOn = (range: Unreadable | undefined): boolean => range !== undefined && range.times === undefined && range.lengthBytes === first.lengthBytes && range.startBytes === first.startBytes + times * everyBytes;
    while (goesOn(list[next])) {
      times++;
      next++;
    }
    const isFolded = times >= FOLDED_FROM;
    folded.push(isFolded ? { ...first, times, everyBytes } : first);
    index = isFolded ? next : index + 1;
  }
  return folded;
}

/** `zeros at bytes 4096 to 8191, and so on every 16384 bytes, 12 times in all: …` */
export function describeRange({ everyBytes, lengthBytes, startBytes, times, why }: Unreadable): string {
  const more = times === undefined ? "" : `, and so on every ${everyBytes} bytes, ${times} times in all`;
  return `zeros at bytes ${startBytes} to ${startBytes + lengthBytes - 1}${more}: ${printableLine(why)}`;
}
