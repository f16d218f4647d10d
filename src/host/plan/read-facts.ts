import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import { parseHeader } from "../../core/rc/header.ts";
import { ownArchitecture, type Architecture } from "../architecture.ts";
import type { FileMemo } from "../file-memo.ts";
import { readCpu } from "./cpu.ts";
import type { HostFacts, ScriptFile } from "./facts.ts";
import { readKernelConfig } from "./kernel-config.ts";
import { readKernel } from "./kernel.ts";
import { readMachine } from "./machine.ts";
import { isDirectory } from "../stat.ts";
import { modulesBelow, type Sysroot } from "./sysroot.ts";

/** Where to look on the build machine. */
export interface FactSources {
  sysroot: Sysroot;
  architecture: Architecture;
  /** Without it SYSROOT/lib/modules. */
  modulesDirectory?: string;
  /** Without it the newest. */
  kernel?: string;
  nodeBinary: string;
  /** Of the boot program, made with that binary. */
  bootSnapshot?: string;
  /** The top of this package. */
  packageRoot: string;
  /** The user's own rc scripts. */
  scripts: ScriptFile[];
  /** Read the devices and the root filesystem of this machine, too. */
  machine: boolean;
  memo: FileMemo;
}

/** Reads what the plan needs to know. Throws when the kernel's modules or the boot program are missing. */
export function readHostFacts(from: FactSources): HostFacts {
  const bootProgram = join(from.packageRoot, "dist/image");
  const { path } = from.sysroot;
  if (!isDirectory(path)) throw new MkinitrdError({ tried: "reading the sysroot", on: path, found: "there is no such directory", next: "name another one: --sysroot DIR" });
  const modules = readKernel(from.modulesDirectory ?? modulesBelow(path), from.kernel);
  const kernelConfig = readKernelConfig(modules, path);
  const cpu = from.architecture.name === ownArchitecture().name ? readCpu() : undefined; // no microcode of this machine for another one
  return {
    sysroot: from.sysroot,
    architecture: from.architecture,
    nodeBinary: from.nodeBinary,
    bootProgram,
    ...(from.bootSnapshot === undefined ? {} : { bootSnapshot: from.bootSnapshot }),
    init: join(from.packageRoot, "rc.d/init"),
    scripts: [...ownScripts(from.packageRoot, bootProgram), ...from.scripts],
    modules,
    ...(kernelConfig === undefined ? {} : { kernelConfig }),
    machine: from.machine ? readMachine() : { modaliases: [], filesystems: [], drivers: [] },
    ...(cpu === undefined ? {} : { cpu }),
    memo: from.memo,
  };
}

/** Scripts that were bundled; each keeps its header in front. Those of images/ are for making disks and come by name only. */
function ownScripts(root: string, bootProgram: string): ScriptFile[] {
  const directory = join(bootProgram, "rc.d");
  if (!existsSync(directory)) {
    throw new MkinitrdError({ tried: "reading the rc scripts", on: directory, found: "it does not exist", next: "npm run build" });
  }
  return readdirSync(directory).filter((file) => file.endsWith(".js")).sort().map((file) => {
    const name = basename(file, ".js");
    const folder = existsSync(join(root, "rc.d", `${name}.ts`)) ? "rc.d" : "images";
    const source = `${folder}/${name}.ts`;
    const path = join(directory, file);
    return { name, source, header: parseHeader(readFileSync(path, "utf8"), source), from: { file: path }, origin: folder };
  });
}
