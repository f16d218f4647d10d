/** Where parity goes, in mdadm's words. Linux drivers/md/raid5.c, raid5_compute_sector; md's numbers in raid5.h. */
export type ParityLayout = keyof typeof RAID5 | keyof typeof RAID6;

/** One row of chunks: which disk has what. */
export interface ParityRow {
  /** The disk of each data chunk, in the order of the data. */
  data: number[];
  p: number;
  /** RAID6 only. */
  q?: number;
  /** RAID6 only: by disk, the exponent of its factor in Q. */
  slots?: number[];
}

type Place = (disks: number, row: number) => { p: number; data: (index: number) => number };
type Place6 = (disks: number, row: number) => { p: number; q: number; data: (index: number) => number; ddf?: true };

const behind = (p: number) => (index: number): number => (index >= p ? index + 1 : index);
const around = (p: number, disks: number) => (index: number): number => (p + 1 + index) % disks;
const leftP = (disks: number, row: number): number => disks - 1 - (row % disks);

const RAID5 = {
  "left-asymmetric": (disks, row) => ({ p: leftP(disks, row), data: behind(leftP(disks, row)) }),
  "right-asymmetric": (disks, row) => ({ p: row % disks, data: behind(row % disks) }),
  "left-symmetric": (disks, row) => ({ p: leftP(disks, row), data: around(leftP(disks, row), disks) }),
  "right-symmetric": (disks, row) => ({ p: row % disks, data: around(row % disks, disks) }),
  "parity-first": () => ({ p: 0, data: (index) => index + 1 }),
  "parity-last": (disks) => ({ p: disks - 1, data: (index) => index }),
} satisfies Record<string, Place>;

/** Q is the disk behind P; where P is the last one, Q is the first, and the data lie between the two. */
const besides = (p: number, disks: number) => ({
  p,
  q: (p + 1) % disks,
  data: (index: number): number => (p === disks - 1 ? index + 1 : index >= p ? index + 2 : index),
});
const aroundBoth = (p: number, disks: number) => ({ p, q: (p + 1) % disks, data: (index: number): number => (p + 2 + index) % disks });
/** RAID5 on all disks but the last, which has Q: what an array has that was RAID5 before. */
const withLastQ = (place: Place): Place6 => (disks, row) => ({ ...place(disks - 1, row), q: disks - 1 });

const RAID6 = {
  "left-asymmetric": (disks, row) => besides(leftP(disks, row), disks),
  "right-asymmetric": (disks, row) => besides(row % disks, disks),
  "left-symmetric": (disks, row) => aroundBoth(leftP(disks, row), disks),
  "right-symmetric": (disks, row) => aroundBoth(row % disks, disks),
  "parity-first": () => ({ p: 0, q: 1, data: (index) => index + 2 }),
  "parity-last": (disks) => ({ p: disks - 2, q: disks - 1, data: (index) => index }),
  "ddf-zero-restart": (disks, row) => ({ ...besides(row % disks, disks), ddf: true }),
  "ddf-N-restart": (disks, row) => ({ ...besides(leftP(disks, row + 1), disks), ddf: true }),
  "ddf-N-continue": (disks, row) => {
    const p = leftP(disks, row);
    return { p, q: (p + disks - 1) % disks, data: around(p, disks), ddf: true };
  },
  "left-asymmetric-6": withLastQ(RAID5["left-asymmetric"]),
  "right-asymmetric-6": withLastQ(RAID5["right-asymmetric"]),
  "left-symmetric-6": withLastQ(RAID5["left-symmetric"]),
  "right-symmetric-6": withLastQ(RAID5["right-symmetric"]),
  "parity-first-6": withLastQ(RAID5["parity-first"]),
} satisfies Record<string, Place6>;

/** Who has what in a row; undefined when the level has no such layout. */
export function parityRow(level: 5 | 6, layout: ParityLayout, disks: number, row: number): ParityRow {
  if (level === 5) {
    const { data, p } = (RAID5 as Record<string, Place>)[layout]!(disks, row);
    return { p, data: Array.from({ length: disks - 1 }, (_, index) => data(index)) };
  }
  const { data, ddf, p, q } = (RAID6 as Record<string, Place6>)[layout]!(disks, row);
  return { p, q, data: Array.from({ length: disks - 2 }, (_, index) => data(index)), slots: slotsOf(disks, p, q, ddf === true) };
}

/** Whether the level has the layout. */
export function hasLayout(level: 5 | 6, layout: string): layout is ParityLayout {
  return Object.hasOwn(level === 5 ? RAID5 : RAID6, layout);
}

/** raid5.c, raid6_d0 and raid6_idx_to_slot: data disks count from the one behind Q, or, in DDF's layouts, each by its number. */
function slotsOf(disks: number, p: number, q: number, ddf: boolean): number[] {
  const slots = Array.from({ length: disks }, (_, disk) => disk);
  if (ddf) return slots;
  let next = 0;
  for (let step = 0; step < disks; step++) {
    const disk = (q + 1 + step) % disks;
    if (disk !== p && disk !== q) slots[disk] = next++;
  }
  return slots;
}
