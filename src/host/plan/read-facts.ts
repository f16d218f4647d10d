import { existsSync, readdirSync, readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { basename, join } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import { parseHeader } from "../../core/rc/header.ts";
import type { FileMemo } from "../file-memo.ts";
import type { HostFacts, ScriptFile } from "./facts.ts";
import { readKernel } from "./kernel.ts";
import { openSysroot } from "./sysroot.ts";

/** Where to look on the build machine. */
export interface FactSources {
  sysroot: string;
  /** Without it SYSROOT/lib/modules. */
  modulesDirectory?: string;
  /** Without it the newest. */
  kernel?: string;
  nodeBinary: string;
  /** The top of this package. */
  packageRoot: string;
  /** The user's own rc scripts, .ts or .js. */
  scripts: string[];
  /** Read the devices and the root filesystem of this machine, too. */
  machine: boolean;
  memo: FileMemo;
}

/** Reads what the plan needs to know. Throws when the kernel's modules or the boot program are missing. */
export function readHostFacts(from: FactSources): HostFacts {
  const bootProgram = join(from.packageRoot, "dist/image");
  return {
    sysroot: openSysroot(from.sysroot),
    nodeBinary: from.nodeBinary,
    bootProgram,
    init: join(from.packageRoot, "rc.d/init"),
    scripts: [...ownScripts(from.packageRoot, bootProgram), ...from.scripts.map(foreignScript)],
    modules: readKernel(from.modulesDirectory ?? join(from.sysroot, "lib/modules"), from.kernel),
    machine: from.machine ? readMachine() : { modaliases: [], filesystems: [] },
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

/** Types are blanked out and the text stays as it is: it is what a person opens in the rescue shell. */
function foreignScript(path: string): ScriptFile {
  const text = readScript(path);
  const code = path.endsWith(".ts") ? strip(text, path) : text;
  const relative = /^\s*(?:import|export)\b[^;]*?["'](\.\.?\/[^"']*)["']/m.exec(code)?.[1];
  if (relative !== undefined) {
    throw new MkinitrdError({ tried: "reading the rc script", on: path, found: `it imports ${relative}, which is not in the image`, next: "import types only; everything else comes from ctx" });
  }
  return { name: basename(path).replace(/\.[jt]s$/, ""), source: path, header: parseHeader(text, path), from: { bytes: Buffer.from(code) }, origin: "configuration" };
}

function readScript(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new MkinitrdError({ tried: "reading the rc script", on: path, found: (cause as NodeJS.ErrnoException).code === "ENOENT" ? "no such file" : String(cause), next: "correct scripts: in the configuration", cause });
  }
}

function strip(text: string, path: string): string {
  try {
    return stripTypeScriptTypes(text);
  } catch (cause) {
    throw new MkinitrdError({ tried: "reading the rc script", on: path, found: cause instanceof Error ? cause.message : String(cause), cause });
  }
}

function readMachine(): HostFacts["machine"] {
  const buses = list("/sys/bus").flatMap((bus) => list(`/sys/bus/${bus}/devices`).map((device) => `/sys/bus/${bus}/devices/${device}/modalias`));
  const modaliases = buses.flatMap((file) => (existsSync(file) ? [readFileSync(file, "utf8").trim()] : []));
  const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n").map((line) => line.split(" "));
  const root = mounts.findLast(([, , , , target]) => target === "/");
  const fstype = root?.[root.indexOf("-") + 1];
  return { modaliases: [...new Set(modaliases)].filter((alias) => alias !== "").sort(), filesystems: fstype === undefined ? [] : [fstype] };
}

function list(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}
