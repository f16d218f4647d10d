import type { RcHeader } from "../../core/rc/header.ts";
import type { Architecture } from "../architecture.ts";
import type { FileMemo } from "../file-memo.ts";
import type { Cpu } from "./cpu.ts";
import type { KernelConfig } from "./kernel-config.ts";
import type { MicrocodeChoice } from "./microcode.ts";
import type { ModuleIndex } from "./module-index.ts";
import type { Sysroot } from "./sysroot.ts";
import type { RescueSettings } from "./rescue.ts";
import type { FileEntry } from "./types.ts";

/** What the plan needs to know of the build machine, read before it is made. */
export interface HostFacts {
  /** Where programs and libraries come from. */
  sysroot: Sysroot;
  /** What they are for. */
  architecture: Architecture;
  /** The Node binary to pack, on the build machine. */
  nodeBinary: string;
  /** The directory of the boot program: boot.cjs, rc.d/. */
  bootProgram: string;
  /** The boot program's heap, for a quick start; absent when there is none to be trusted. */
  bootSnapshot?: string;
  /** rc.d/init */
  init: string;
  /** Every rc script that may go in. */
  scripts: ScriptFile[];
  modules: ModuleIndex;
  /** What that kernel was built with, where this is known. */
  kernelConfig?: KernelConfig;
  /** Of this machine, for `modules: auto`; `drivers` are the modules and modaliases of what its root lies on. */
  machine: { modaliases: string[]; filesystems: string[]; drivers: string[] };
  /** The processors of this machine, for its microcode. */
  cpu?: Cpu;
  memo: FileMemo;
}

/** A rc script as it goes into the image. */
export interface ScriptFile {
  name: string;
  /** As a person knows it: `rc.d/crypt.ts`. */
  source: string;
  header: RcHeader;
  from: FileEntry["from"];
  /** Ours, a step for making disks (packed by name only), or from the configuration's `scripts`. */
  origin: "rc.d" | "images" | "configuration";
}

/** What the plan needs of the configuration. */
export interface ImageConfig {
  /** The default spec, stages separated by blanks; empty for none. */
  realroot: string;
  /** Kinds that the image serves, beside those of the default spec. */
  realroots: string[];
  modules: { set: "generic" | "auto" | "none"; add: string[]; omit: string[] };
  /** Whose microcode goes in front; without it that of this machine's processors. */
  microcode?: MicrocodeChoice;
  /** Bare names or absolute paths. */
  programs: string[];
  /** `mode` is permission bits; without it those of the file. */
  files: { from: string; to: string; mode?: number }[];
  /** The crypttab to pack as /etc/crypttab. */
  crypttab?: string;
  /** What the prompt calls the machine; `auto` is what the sysroot's /etc/hostname says. */
  hostname?: string;
  /** Keymaps by name, files by path, and `auto`; a boot begins with the first. Without it none. */
  keymaps?: string[];
  sealed: boolean;
  /** Whether the image holds why each of its entries is in it; without it, it does. */
  manifest?: boolean;
  timeoutMs: number;
  /** Without it the menu, and no password. */
  rescue?: RescueSettings;
  /** These scripts and no others, by name: what an image that does not boot a root is made of. */
  onlyScripts?: string[];
}
