import { memorySource } from "../../core/binary/source.ts";
import { MkinitrdError } from "../../core/errors.ts";
import { readModinfo } from "../../core/formats/modinfo.ts";
import type { FileMemo } from "../file-memo.ts";
import { mapLimited } from "../map-limited.ts";
import { describeIoError } from "../read-text.ts";
import { readUnpacked } from "../unpack.ts";
import { withFile } from "./file-source.ts";
import { foundEntries } from "./paths.ts";
import type { Sysroot } from "./sysroot.ts";
import type { Decompress, Entry } from "./types.ts";

/** How a compressed module or firmware file ends. */
const SUFFIXES: Record<string, Decompress> = { ".xz": "xz", ".zst": "zstd", ".gz": "gzip" };

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
      entries.push(...found.flatMap((each) => foundEntries(each, `firmware of ${name}`)));
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

async function firmwareNames(file: string): Promise<string[]> {
  const format = compressionOf(file);
  const info = format === undefined ? await withFile(file, readModinfo) : await readModinfo(memorySource(await readUnpacked(file, format), file));
  return info.filter(({ key }) => key === "firmware").map(({ value }) => value);
}

/** The kernel's own search order, drivers/base/firmware_loader/main.c; packed as it is, compressed or not. A name may be a pattern. */
function findFirmware(sysroot: Sysroot, release: string, name: string) {
  if (name.split("/").includes("..") || name.startsWith("/")) return [];
  const directories = [`/lib/firmware/updates/${release}`, "/lib/firmware/updates", `/lib/firmware/${release}`, "/lib/firmware"];
  for (const directory of directories) {
    for (const path of name.includes("*") ? matching(sysroot, directory, name) : [name, `${name}.zst`, `${name}.xz`]) {
      const found = sysroot.find(`${directory}/${path}`);
      if (found?.stats.isFile() === true) return [found];
    }
  }
  return [];
}

function matching(sysroot: Sysroot, directory: string, pattern: string): string[] {
  const folder = pattern.slice(0, pattern.lastIndexOf("/") + 1);
  const source = pattern.slice(folder.length).replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*");
  return sysroot.list(`${directory}/${folder}`).filter((each) => new RegExp(`^${source}(\\.(zst|xz))?$`).test(each)).map((each) => folder + each);
}
