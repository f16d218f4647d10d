import { readFile } from "node:fs/promises";
import { MkinitrdError } from "../../core/errors.ts";
import { probeElf } from "../../core/formats/elf.ts";
import { describeMachine, ownArchitecture, runs, type Architecture } from "../architecture.ts";
import { cacheDirectory } from "../cache.ts";
import type { FileMemo } from "../file-memo.ts";
import { withFile } from "../plan/file-source.ts";
import { libraryFinder } from "../plan/libraries.ts";
import { planRuntime } from "../plan/runtime-layer.ts";
import type { Sysroot } from "../plan/sysroot.ts";
import { statOf } from "../stat.ts";
import { bootSnapshot } from "./boot-snapshot.ts";
import { launcherFor, startedHere, type Launcher } from "./launch.ts";
import { trimmedNode } from "./runtime.ts";

export interface RuntimeRequest {
  architecture: Architecture;
  /** Where its libraries are. */
  sysroot: Sysroot;
  /** Node's binary; without it the one that runs here, or for another architecture the one in the cache. */
  runtime?: string | undefined;
  /** The boot program, one CommonJS file. */
  program: string;
  memo: FileMemo;
}

/** Node as it goes into the image. */
export interface PreparedRuntime {
  nodeBinary: string;
  bootSnapshot?: string;
  notes: string[];
}

/** Trims Node's binary, and takes the snapshot of the boot program with it. Throws where there is no Node for the architecture, or no boot program. */
export async function prepareRuntime({ architecture, sysroot, runtime, program, memo }: RuntimeRequest): Promise<PreparedRuntime> {
  const nodeBinary = await findRuntime(architecture, runtime, memo);
  if (statOf(program)?.isFile() !== true) {
    throw new MkinitrdError({ tried: "finding the boot program", on: program, found: "no such file: it is made of the sources, and has not been", next: "npm run build" });
  }
  const launch = await launcher(architecture, sysroot, nodeBinary);
  const node = await trimmedNode({ nodeBinary, cacheDirectory: cacheDirectory("runtime"), memo, launch });
  const snapshot = await bootSnapshot({ nodeBinary: node.file, program, cacheDirectory: cacheDirectory("snapshots"), memo, launch });
  return { nodeBinary: node.file, ...(snapshot.file === undefined ? {} : { bootSnapshot: snapshot.file }), notes: [node.note, snapshot.note].filter((note) => note !== undefined) };
}

async function launcher(architecture: Architecture, sysroot: Sysroot, nodeBinary: string): Promise<Launcher> {
  if (architecture.name === ownArchitecture().name) return startedHere;
  return launcherFor(architecture, await planRuntime(nodeBinary, libraryFinder(sysroot, { file: nodeBinary })));
}

/** Where set-up puts Node for another architecture: the version that runs here, which the boot program is made for. */
export function fetchedRuntime({ node }: Architecture): string {
  return cacheDirectory("runtimes", `node-${process.versions.node}-linux-${node}`, "node");
}

async function findRuntime(architecture: Architecture, given: string | undefined, memo: FileMemo): Promise<string> {
  const isOwn = architecture.name === ownArchitecture().name;
  const file = given ?? (isOwn ? process.execPath : fetchedRuntime(architecture));
  const tried = `finding Node for ${architecture.name}`;
  if (statOf(file)?.isFile() !== true) {
    throw new MkinitrdError({ tried, on: file, found: "no such file", next: given === undefined ? `npm run runtime -- ${architecture.node} downloads it, or name one of your own: runtime: FILE` : "correct runtime: in the configuration" });
  }
  const elf = given === undefined ? undefined : await withFile(file, probeElf);
  if (elf !== undefined && !runs(architecture, elf)) {
    throw new MkinitrdError({ tried, on: file, found: `it is a program for ${describeMachine(elf)}, and those of the sysroot are for ${architecture.name}`, next: "name the Node of that architecture: runtime: FILE" });
  }
  const version = given === undefined ? undefined : await memo.get(file, "Node's version", () => readVersion(file));
  if (version !== undefined && version !== null && majorOf(version) !== majorOf(process.versions.node)) {
    throw new MkinitrdError({ tried, on: file, found: `it is Node ${version}`, next: `name a Node ${majorOf(process.versions.node)}, which the boot program is made for` });
  }
  return file;
}

/** Node has in it where its own source is; null where it is built to say nothing. */
async function readVersion(file: string): Promise<string | null> {
  const bytes = await readFile(file);
  for (let at = bytes.indexOf(SOURCE); at !== -1; at = bytes.indexOf(SOURCE, at + 1)) {
    const [, version] = /^\/node-v(\d+\.\d+\.\d+)\.tar\.gz/.exec(bytes.toString("latin1", at, at + 40)) ?? [];
    if (version !== undefined) return version;
  }
  return null;
}
const SOURCE = "/node-v";

function majorOf(version: string): string {
  return version.split(".")[0] ?? "";
}
