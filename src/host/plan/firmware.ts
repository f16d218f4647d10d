import { memorySource, type Source } from "../../core/binary/source.ts";
import { MkinitrdError } from "../../core/errors.ts";
import { probeElf } from "../../core/formats/elf.ts";
import { readModinfo } from "../../core/formats/modinfo.ts";
import type { FileMemo } from "../file-memo.ts";
import { mapLimited } from "../map-limited.ts";
import { describeIoError } from "../read-text.ts";
import { readUnpacked } from "../unpack.ts";
import { fnmatchExact } from "./fnmatch.ts";
import { withFile } from "./file-source.ts";
import { foundEntries } from "./paths.ts";
import type { Found, Sysroot } from "./sysroot.ts";
import type { Decompress, Entry } from "./types.ts";

/** How a compressed module or firmware file ends. */
const SUFFIXES: Record<string, Decompress> = { ".xz": "xz", ".zst": "zstd", ".gz": "gzip" };

/** Those that the kernel looks for, in its order. */
const FIRMWARE_SUFFIXES = [".zst", ".xz"];

/** A process each, for xz. */
const UNPACKED_AT_ONCE = 4;

/** How a file is compressed, by its name; undefined when it is not. */
export function compressionOf(path: string): Decompress | undefined {
  return Object.entries(SUFFIXES).find(([suffix]) => path.endsWith(suffix))?.[1];
}

/** Firmware files that the packed modules name, where the sysroot has them; the others in one note. */
export async function planFirmware(
  sysroot: Sysroot, memo: FileMemo, release: string, modules: readonly { name: string; file: string }[],
): Promise<{ entries: Entry[]; notes: string[] }> {
  const entries: Entry[] = [];
  const absent = new Map<string, number>();
  const named = await mapLimited(modules, UNPACKED_AT_ONCE, async ({ name, file }) => ({ name, names: await firmwareOf(file, memo) }));
  for (const { name, names } of named) {
    for (const firmware of names) {
      const found = findFirmware(sysroot, release, firmware);
      if (found.length === 0) absent.set(name, (absent.get(name) ?? 0) + 1);
      entries.push(...found.flatMap((each) => firmwareEntries(each, `firmware of ${name}`)));
    }
  }
  const list = [...absent].map(([name, count]) => `${name} (${count})`).join(", ");
  return { entries, notes: absent.size === 0 ? [] : [`firmware that this machine does not have is left out, of: ${list}`] };
}

/** Throws for a module that can't be read, as one that modules.dep names and that is gone. */
async function firmwareOf(file: string, memo: FileMemo): Promise<string[]> {
  try {
    return await memo.get(file, "firmware", () => firmwareNames(file));
  } catch (cause) {
    const found = cause instanceof MkinitrdError ? cause.found : describeIoError(cause);
    throw new MkinitrdError({ tried: "reading the kernel module", on: file, found, next: "install the kernel's package again, or index the modules that are there with depmod", cause });
  }
}

/** The firmware that a module, compressed or not, names in its .modinfo. */
export async function firmwareNames(file: string): Promise<string[]> {
  const info = await withModule(file, readModinfo);
  return info.filter(({ key }) => key === "firmware").map(({ value }) => value);
}

/** e_machine of a module, compressed or not; null when it is no ELF file. */
export async function moduleMachine(file: string): Promise<number | null> {
  return withModule(file, async (source) => (await probeElf(source))?.machine ?? null);
}

async function withModule<T>(file: string, use: (source: Source) => Promise<T>): Promise<T> {
  const format = compressionOf(file);
  return format === undefined ? withFile(file, use) : use(memorySource(await readUnpacked(file, format), file));
}

/**
 * The kernel's own search order, drivers/base/firmware_loader/main.c. A name may be a pattern. What lies compressed is unpacked,
 * and the links to it lose that suffix: so that no kernel has to know the compression, and the layer's own serves all files.
 */
function findFirmware(sysroot: Sysroot, release: string, name: string): Found[] {
  if (name.split("/").includes("..") || name.startsWith("/")) return [];
  const directories = [`/lib/firmware/updates/${release}`, "/lib/firmware/updates", `/lib/firmware/${release}`, "/lib/firmware"];
  const names = /[*?[]/.test(name) ? new Set(directories.flatMap((directory) => matching(sysroot, directory, name))) : [name];
  return [...names].sort().flatMap((each) => findOne(sysroot, directories, each) ?? []);
}

function findOne(sysroot: Sysroot, directories: string[], name: string): Found | undefined {
  for (const path of directories.flatMap((directory) => ["", ...FIRMWARE_SUFFIXES].map((suffix) => `${directory}/${name}${suffix}`))) {
    const found = sysroot.find(path);
    if (found?.stats.isFile() === true) return found;
  }
  return undefined;
}

/** Names that a pattern means, without the suffix of a compression. */
function matching(sysroot: Sysroot, directory: string, pattern: string): string[] {
  const folder = pattern.slice(0, pattern.lastIndexOf("/") + 1);
  const matches = new RegExp(`${fnmatchExact(pattern.slice(folder.length)).source.slice(0, -1)}(\\.(zst|xz))?$`, "s");
  return sysroot.list(`${directory}/${folder}`).filter((each) => matches.test(each)).map((each) => folder + bare(each));
}

/** Entries for a file and the links to it, by the names that they have when it is unpacked. */
function firmwareEntries(found: Found, reason: string): Entry[] {
  const decompress = compressionOf(found.path);
  const entries = foundEntries(found, reason);
  if (decompress === undefined) return entries;
  return entries.map((entry) => {
    if (entry.type === "link") return { ...entry, path: bare(entry.path), target: bare(entry.target) };
    return entry.type === "file" && "file" in entry.from ? { ...entry, path: bare(entry.path), from: { ...entry.from, decompress } } : entry;
  });
}

function bare(path: string): string {
  return path.replace(/\.(xz|zst)$/, "");
}
