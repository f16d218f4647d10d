import { basename } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import type { FileMemo } from "../file-memo.ts";
import { ownArchitecture, type Architecture } from "../architecture.ts";
import { listApplets, readApplets } from "./applets.ts";
import type { ImageConfig, ScriptFile } from "./facts.ts";
import type { LibraryFinder } from "./libraries.ts";
import { imagePath, link } from "./paths.ts";
import { findProgram, missingProgram, programEntries } from "./programs.ts";
import type { Sysroot } from "./sysroot.ts";
import type { Entry, Reason } from "./types.ts";

interface Wanted {
  name: string;
  optional: boolean;
  reason: Reason;
}

/**
 * The tools layer: busybox with a link for each applet, the programs and libraries that scripts and configuration name.
 * A named program is the build machine's own where it has one, else busybox's; applets never stand in front of it.
 */
export async function planTools(
  { sysroot, architecture, memo }: { sysroot: Sysroot; architecture: Architecture; memo: FileMemo }, libraries: LibraryFinder, scripts: readonly ScriptFile[], config: ImageConfig,
): Promise<{ entries: Entry[]; notes: string[] }> {
  const busybox = findProgram(sysroot, "busybox");
  if (busybox === undefined) throw missingProgram(sysroot, "busybox", "the shell of pid 1");
  const isOwn = architecture.name === ownArchitecture().name;
  const applets = await memo.get(busybox.file, "busybox applets", async () => (isOwn ? listApplets(busybox.file) : readApplets(busybox.file)));
  const place = { sysroot, libraries, applets: new Set(applets.map(imagePath)) };
  const entries = await programEntries(place, busybox, "the shell of pid 1");
  const notes: string[] = [];
  const where = sysroot.path === "/" ? "on this machine" : `in ${sysroot.path}`;
  const named = new Set<string>();
  for (const { name, optional, reason } of wantedPrograms(scripts, config)) {
    const found = findProgram(sysroot, name);
    if (found !== undefined) {
      named.add(basename(name));
      entries.push(...(await programEntries(place, found, reason)));
    } else if (optional) {
      notes.push(`program ${name} is not ${where} (optional, ${reason})`);
    } else if (!applets.some((path) => basename(path) === name)) {
      throw missingProgram(sysroot, name, reason);
    }
  }
  for (const { name, optional, reason } of wantedLibraries(scripts)) {
    const found = await libraries.find(name, reason);
    if (found !== undefined) entries.push(...found);
    else if (optional) notes.push(`library ${name} is not ${where} (optional, ${reason})`);
    else throw missingLibrary(sysroot, name, reason);
  }
  const home = `/${imagePath(busybox.path)}`;
  // A program may be a link to another one's name (mkfs.ext4 to mke2fs), which then is no applet's either.
  const taken = new Set(entries.map(({ path }) => path));
  const links = applets.filter((path) => path.includes("/") && !named.has(basename(path)) && !taken.has(imagePath(path)));
  return { entries: [...entries, ...links.map((path) => link(imagePath(path), home, "applet of busybox, the shell of pid 1"))], notes };
}

function wantedPrograms(scripts: readonly ScriptFile[], config: ImageConfig): Wanted[] {
  return [
    ...scripts.flatMap(({ header, source }) => header.programs.map((need) => ({ ...need, reason: `for ${source}` }))),
    ...((config.keymaps ?? []).length === 0 ? [] : [{ name: "loadkmap", optional: false, reason: "keymaps: of the configuration" }]),
    ...config.programs.map((name) => ({ name, optional: false, reason: "programs: of the configuration" })),
  ];
}

function wantedLibraries(scripts: readonly ScriptFile[]): Wanted[] {
  return scripts.flatMap(({ header, source }) => header.libraries.map((need) => ({ ...need, reason: `for ${source}` })));
}

function missingLibrary(sysroot: Sysroot, name: string, reason: Reason): MkinitrdError {
  return new MkinitrdError({ tried: `finding the library ${name} (${reason})`, on: sysroot.path, found: "it is in none of the library directories", next: "install the package that has it" });
}
