/** The middle one, or the mean of the two in the middle. Throws RangeError when there is none. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("the median of nothing");
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The median of one figure over some measurements, leaving out those that don't have it; undefined when none has. */
export function medianOf<T>(items: readonly T[], pick: (item: T) => number | undefined): number | undefined {
  const values = items.map(pick).filter((value) => value !== undefined);
  return values.length === 0 ? undefined : median(values);
}

/** The least of one figure over some measurements; undefined when none has it. What else a machine does only adds to it. */
export function leastOf<T>(items: readonly T[], pick: (item: T) => number | undefined): number | undefined {
  const values = items.map(pick).filter((value) => value !== undefined);
  return values.length === 0 ? undefined : Math.min(...values);
}

/** `ours ÷ theirs`; undefined when one of them is. */
export function ratio(ours: number | undefined, theirs: number | undefined): number | undefined {
  return ours === undefined || theirs === undefined ? undefined : ours / theirs;
}

/** Something to reach, and what was measured. */
export interface Target {
  name: string;
  limit: number;
  /** Absent when it was not measured. */
  value?: number;
  unit: string;
}

/** Whether what was measured is within the limit; undefined when it was not measured. */
export function isMet({ value, limit }: Target): boolean | undefined {
  return value === undefined ? undefined : value <= limit;
}

/** Every `step`-th whole number from `from` to `to`; see `findSmallest`. */
export interface Range {
  from: number;
  to: number;
  step: number;
}

/**
 * The smallest value of the range that works, when every one above it works too; undefined when not even the largest does.
 * Tries the guess and its neighbours first, then halves what is left.
 */
export async function findSmallest({ from, to, step }: Range, guess: number, works: (value: number) => Promise<boolean>): Promise<number | undefined> {
  const count = Math.floor((to - from) / step) + 1;
  const near = Math.ceil((guess - from) / step);
  const hints = [near, near - 1, near + 1];
  let [failed, worked] = [-1, count]; // indices on both sides of the answer
  while (worked - failed > 1) {
    const index = hints.find((hint) => hint > failed && hint < worked) ?? (failed + worked) >> 1;
    if (await works(from + index * step)) worked = index;
    else failed = index;
  }
  return worked === count ? undefined : from + worked * step;
}
