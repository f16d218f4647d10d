/** What a builder VM has to do, as plain data: the host makes it, images/make-disk.ts does it. */
export interface DiskJob {
  /** Block devices that have to be there first, with the serial that each must have. */
  disks: { path: string; serial: string }[];
  recipes: { name: string; steps: Step[] }[];
}

/** One program to run. */
export interface Step {
  /** What it does, for a person: `LUKS2 on /dev/vda2`. */
  about: string;
  program: string;
  args: string[];
  /** Its standard input. */
  input?: string;
}
