import type { Failure, MkinitrdError } from "../errors.ts";
import type { ExecOptions, ExecResult } from "../exec.ts";
import type { FstabMount, FstabRefusal } from "../fstab-mounts.ts";
import type { BootRequest, Stage } from "../realroot/types.ts";
import type { ArrayRef, Content, LogicalVolumeRef, Volume } from "../volumes/types.ts";

/** What a boot step exports as default. */
export type StepScript = (ctx: Context) => Promise<void>;

/**
 * What the script of a realroot kind exports as default: it serves the stage in `ctx.realroot` and returns the device
 * that is open then, `/dev/mapper/NAME` or the like.
 */
export type KindScript = (ctx: Context) => Promise<string>;

/** Everything that a rc script may use: the machine is reached through this and through nothing else. */
export interface Context {
  /** The stage that is being served; for a boot step, the root's own (the last one). */
  readonly realroot: Stage;
  readonly request: BootRequest;
  /** Directory that the real root is mounted on. */
  readonly newRoot: string;
  readonly devices: Devices;
  readonly volumes: Volumes;
  readonly stages: Stages;
  readonly filesystems: Filesystems;
  readonly ask: Ask;
  readonly keyFiles: KeyFiles;
  readonly log: Log;
  readonly system: System;
  readonly hibernation: Hibernation;
  /** Runs a program of the image; throws MkinitrdError when it exits with anything but 0. */
  exec(program: string, args: string[], options?: ExecOptions): Promise<ExecResult>;
  /** The exit code of the program behind an error that `exec` threw. */
  exitCode(error: unknown): number | undefined;
  /** Whether an error that `volumes` threw says that the device did not appear in time. */
  isAbsent(error: unknown): boolean;
  failure(failure: Failure): MkinitrdError;
}

/** The kernel's devices: drivers for them, and the news of new ones. */
export interface Devices {
  /** Listens for arrivals, then loads the drivers of what is there already; both go on until `stop`. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** The block devices of this machine and what lies on them. */
export interface Volumes {
  /**
   * Waits for the device that a spec names (`/dev/vda2`, `UUID=…`, `vg00/lv0`), opening what lies under it where a
   * stage names that, until the deadline. Throws with what was looked for and what was found.
   */
  find(device: string, options?: FindOptions): Promise<OpenVolume>;
  /**
   * As `find`, for a logical volume `VG/LV`, active or not: its physical volumes are there, or else as many as it can do
   * without, where `degraded` says so. Two groups of this name are an error, unless `vgUuid` says which is meant.
   */
  findLogical(name: string, options?: FindLogicalOptions): Promise<Volume & { lv: LogicalVolumeRef }>;
  /**
   * As `find`, for an md array, assembled or not: the members that it counts on are there. `degraded` takes one that can
   * be read without those that did not come within `afterMs`, or the boot's own time.
   */
  findArray(name: string, degraded?: { afterMs?: number }): Promise<Volume & { md: ArrayRef }>;
  /**
   * Waits, as `find`, until every device of the filesystem on this volume is there, and gives them all; none for a
   * filesystem that knows of one device only. `partial` takes those that are there when the time is over.
   */
  findMembers(volume: OpenVolume, options?: { partial?: boolean }): Promise<OpenVolume[]>;
  /** Probes every block device anew and gives them all, the logical volumes that are not active among them. */
  scan(): Promise<Volume[]>;
}

export interface FindOptions {
  /** In place of the boot's own. */
  timeoutMs?: number;
  /** Ends the wait as its deadline does. */
  signal?: AbortSignal;
}

export interface FindLogicalOptions {
  vgUuid?: string;
  /** Takes a volume that has lost some of its redundancy, when the rest did not come within `afterMs`, or the boot's own time. */
  degraded?: { afterMs?: number };
}

/** A volume that has a device node. */
export type OpenVolume = Volume & { path: string };

/** The stages of the realroot, served at most once each. */
export interface Stages {
  /** Runs the rc script of a stage's kind and returns the device that it opened; when it was served before, only that. */
  serve(stage: Stage): Promise<string>;
}

/** Filesystems on devices that are open. */
export interface Filesystems {
  /** The filesystem's type as mount(8) names it, by its superblock. Throws when the device holds none that is known. */
  typeOf(device: string, what?: string): Promise<string>;
  /**
   * Checks a filesystem that is not mounted, when the image has its fsck (`programs: [e2fsck]`) and the command line does
   * not say `fsck.mode=skip`. Throws when errors are left.
   */
  check(check: FilesystemCheck): Promise<void>;
  /**
   * Mounts a filesystem, whose other devices are waited for when it has several. Throws with what our own probe has
   * against it, where mount(2) has only a number for that.
   */
  mount(mount: FilesystemMount): Promise<void>;
  /** What the new root's /etc/fstab wants mounted before its init runs; nothing where there is none. */
  ofFstab(): Promise<(FstabMount | FstabRefusal)[]>;
}

export interface FilesystemCheck {
  /** As a person knows it: `the root`, `/usr`. */
  what: string;
  device: string;
  /** `auto` finds out. */
  fstype: string;
}

export interface FilesystemMount extends FilesystemCheck {
  target: string;
  options: string[];
}

/** Questions to the people at the consoles; the first answer counts. They queue: one question at a time. */
export interface Ask {
  /** Shows what goes on, on a line of its own that changes in place; `undefined` takes it away. */
  showWaiting(text: string | undefined): void;
  /**
   * Asks for a volume's passphrase until `open` says that it is the right one, as often as the question allows; what opened
   * another volume of this boot is tried before anybody is asked, unless the question says otherwise. What was typed is wiped when `open` has ended. Gives
   * `withdrawn` when the question's signal took it away.
   */
  unlock(question: UnlockQuestion, open: (passphrase: Buffer, attempt: UnlockAttempt) => Promise<boolean>): Promise<"opened" | "exhausted" | "withdrawn">;
  /** Wipes the passphrases that opened volumes: none of them is tried on another one. */
  forget(): void;
  /** The bytes typed, one at least, without the line end; for what else a volume needs. The caller wipes them. */
  passphrase(question: PassphraseQuestion): Promise<Buffer>;
  /** Whether the person types y or n; no other key counts, Enter neither. Rejects where nobody can be asked. */
  confirm(question: ConfirmQuestion): Promise<boolean>;
}

export interface ConfirmQuestion {
  /** The question: `Start vg00/lv0 without it?` */
  text: string;
  /** Lines above it, with what the person has to know for it. */
  reasons: string[];
  /** What each key does: `starts it degraded`, `stops here`. */
  yes: string;
  no: string;
}

export interface PassphraseQuestion {
  /** The volume to be opened, as a person knows it: `/dev/vda2`. */
  volume: string;
  label?: string;
  /** What is asked for, when it is not `Passphrase`: `PIM (0 for the usual one)`. */
  what?: string;
  /** Why the answer before was wrong, when it is not that it opens no keyslot. */
  wrong?: string;
}

export interface UnlockQuestion extends PassphraseQuestion {
  /** How many passphrases may be tried. */
  attempts: number;
  /** False where a passphrase that nobody typed for this volume is not tried: it would take long, or more has to be typed with it. */
  reuse?: boolean;
  /** Takes the question away: the volume has been opened in another way. */
  signal?: AbortSignal;
}

export interface UnlockAttempt {
  /** From 1; 0 for a passphrase that nobody typed for this volume. */
  number: number;
  /** Nobody will be asked again. */
  isLast: boolean;
}

/** Keys that lie in files. */
export interface KeyFiles {
  /**
   * The bytes of a key file, which the caller wipes: `PATH` in the image, `PATH@DEVICE` on a device that is waited for and
   * mounted read-only meanwhile, or a device `/dev/…` itself. Throws when the device or the file is missing (the error
   * says which), when it is no regular file, is shorter than asked for or larger than LARGEST_KEY_FILE_BYTES.
   */
  read(place: string, options?: KeyFilePart & FindOptions): Promise<Buffer>;
  /**
   * For programs that take key files by path only: calls `use` with a path for each place, in order. A file of the image is
   * its own path; of others there is a copy in memory until `use` has ended, which is overwritten then. Throws as `read`.
   */
  withPaths<T>(places: readonly string[], use: (paths: string[]) => Promise<T>): Promise<T>;
}

/** Which bytes of a file are the key; all of them unless given. */
export interface KeyFilePart {
  offsetBytes?: number;
  sizeBytes?: number;
}

/** The boot log: on the console, and in /run/mkinitrd/log. Holds no secret. */
export interface Log {
  /** Something was reached: a line for the person. */
  step(text: string): void;
  warn(text: string): void;
  /** Only in the log, and on the console with mkinitrd.log=debug. */
  debug(text: string): void;
  /**
   * A point of the boot's timeline, with the uptime in seconds (now, unless given): `prompt`, `key accepted`, `mounted`.
   * The first one of a name counts.
   */
  mark(name: string, uptimeSeconds?: number): void;
}

/** The few things that a boot step does to the machine beside running programs. */
export interface System {
  /** mount(8) of the image; the kernel loads a missing filesystem module. */
  mount(mount: { source: string; target: string; fstype: string; options: string[] }): Promise<void>;
  /** Tells the real root's systemd that a filesystem was checked, so that it does not check it again. */
  markChecked(filesystem: "root" | "usr"): Promise<void>;
  /** A text file of the new root, at most 1 MiB; links are followed as they lead there. Undefined when there is none. */
  readNewRoot(path: string): Promise<string | undefined>;
  /** Where a path of the new root lies for us, links followed as they lead there; undefined when it is not there. */
  newRootPath(path: string): Promise<string | undefined>;
  /**
   * Notes a device-mapper name before it is opened, so that nothing is left open whenever the boot ends: pid 1 closes it
   * when the boot fails.
   */
  opens(mapping: string): Promise<void>;
  /** Leaves for udev what it would know of our device-mapper devices, and links in place of libdm's nodes. */
  describeMappings(): Promise<void>;
  /** The real root's init under `newRoot`: the one asked for, else the first usual one that is an executable file. */
  findInit(newRoot: string, asked?: string): Promise<string>;
  /** Tells pid 1 which init to hand over to, with which arguments. */
  handOver(init: string, args: string[]): Promise<void>;
  /** MemAvailable, in bytes. */
  availableMemoryBytes(): Promise<number>;
  exists(path: string): Promise<boolean>;
}

/** Waking up from the image that a hibernated machine has left on its swap. */
export interface Hibernation {
  /** Why nothing may be resumed, or may no more in this boot; undefined when nothing stands against it. */
  obstacle(): Promise<string | undefined>;
  /** From here on there is an obstacle, in later attempts of this boot as well. */
  giveUp(): Promise<void>;
  /** The swap area, with an image (`swsuspend`) or without (`swap`), at a page of the device; undefined when there is none. */
  probeArea(path: string, offsetPages: number): Promise<Content | undefined>;
  /** Resumes from the device MAJOR:MINOR; returns only when the kernel could not. */
  resume(number: string, offsetPages: number): Promise<void>;
}
