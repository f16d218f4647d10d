import type { Failure, MkinitrdError } from "../errors.ts";
import type { ExecOptions, ExecResult } from "../exec.ts";
import type { BootRequest, Stage } from "../realroot/types.ts";
import type { Volume } from "../volumes/types.ts";

/** What every rc script exports as default. */
export type RcScript = (ctx: Context) => Promise<void>;

/** Everything that a rc script may use: the machine is reached through this and through nothing else. */
export interface Context {
  /** The stage that is being served; for a boot step, the root's own (the last one). */
  readonly realroot: Stage;
  readonly request: BootRequest;
  /** Directory that the real root is mounted on. */
  readonly newRoot: string;
  readonly volumes: Volumes;
  readonly stages: Stages;
  readonly ask: Ask;
  readonly log: Log;
  readonly system: System;
  /** Runs a program of the image; throws MkinitrdError when it exits with anything but 0. */
  exec(program: string, args: string[], options?: ExecOptions): Promise<ExecResult>;
  /** The exit code of the program behind an error that `exec` threw. */
  exitCode(error: unknown): number | undefined;
  failure(failure: Failure): MkinitrdError;
}

/** The block devices of this machine and what lies on them. */
export interface Volumes {
  /**
   * Waits for the device that a spec names (`/dev/vda2`, `UUID=…`, `vg00/lv0`), opening what lies under it where a
   * stage names that, until the deadline. Throws with what was looked for and what was found.
   */
  find(device: string, options?: { timeoutMs?: number }): Promise<Volume>;
  /** Waits until the block device node is there and returns it probed. */
  settle(path: string): Promise<Volume>;
  /** Probes every block device anew and gives them all, the logical volumes that are not active among them. */
  scan(): Promise<Volume[]>;
}

/** The stages of the realroot, served at most once each. */
export interface Stages {
  /** Runs the rc script of a stage's kind; does nothing when the stage was served before. */
  serve(stage: Stage): Promise<void>;
}

/** Questions to the person at the console. They queue: one prompt at a time. */
export interface Ask {
  /** The bytes typed, without the line end. The caller wipes them. */
  passphrase(question: PassphraseQuestion): Promise<Buffer>;
}

export interface PassphraseQuestion {
  /** The volume to be opened, as a person knows it: `/dev/vda2`. */
  volume: string;
  label?: string;
  /** From 1. */
  attempt: number;
  attempts: number;
}

/** The boot log: on the console, and in /run/mkinitrd/log. Holds no secret. */
export interface Log {
  /** Something was reached: a line for the person. */
  step(text: string): void;
  warn(text: string): void;
  /** Only in the log, and on the console with mkinitrd.log=debug. */
  debug(text: string): void;
  /** A point of the boot's timeline, with the uptime: `prompt`, `key accepted`, `mounted`. */
  mark(name: string): void;
}

/** The few things that a boot step does to the machine beside running programs. */
export interface System {
  /** mount(2) through the image's mount program, which loads a missing filesystem module. */
  mount(mount: { source: string; target: string; fstype: string; options: string[] }): Promise<void>;
  /** Loads modules by name or alias; a missing one is an error. */
  modprobe(modules: string[]): Promise<void>;
  readText(path: string): Promise<string | undefined>;
  writeText(path: string, text: string): Promise<void>;
  exists(path: string): Promise<boolean>;
}
