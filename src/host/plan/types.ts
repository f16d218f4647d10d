/** Why an entry is in the image, most direct reason first: `cryptsetup, for rc.d/crypt.ts`. */
export type Reason = string;

/** One file, directory, link or node of the image. `path` is relative to the root, without a leading slash. */
export type Entry = EntryCommon & (FileEntry | DirectoryEntry | LinkEntry | NodeEntry);

interface EntryCommon {
  path: string;
  /** Permission bits: 0o755. */
  mode: number;
  reason: Reason;
  /** Of others that asked for the same. */
  also?: Reason[];
}

/** A regular file, with bytes from a file of the build machine, unpacked where it is compressed, or made by the plan. */
export interface FileEntry {
  type: "file";
  from: { file: string; decompress?: Decompress } | { bytes: Buffer };
}

/** How a file of the build machine is compressed that the image holds unpacked: kernel modules. */
export type Decompress = "xz" | "zstd" | "gzip";

export interface DirectoryEntry {
  type: "directory";
}

/** A symbolic link. */
export interface LinkEntry {
  type: "link";
  target: string;
}

/** A character device. */
export interface NodeEntry {
  type: "node";
  major: number;
  minor: number;
}

/** The layers in the order in which they lie in the image; what each holds is in the README. */
export type LayerName = "early" | "runtime" | "tools" | "modules" | "boot" | "site";

export interface PlannedLayer {
  name: LayerName;
  entries: Entry[];
}

/** What goes into the image, and why. Nothing is written yet. */
export interface Plan {
  layers: PlannedLayer[];
  /** Kernel release that the modules are for: `6.1.0-56-cloud-amd64`. */
  kernelRelease: string;
  /** Names of the boot steps, in order, and the realroot kinds that the image serves. */
  steps: string[];
  kinds: string[];
  /** What was optional and absent, or is worth saying: shown with the size table. */
  notes: string[];
}
