import type { Source } from "../binary/source.ts";
import { MkinitrdError } from "../errors.ts";
import { probeElf, readElfSection } from "./elf.ts";

/** One `KEY=VALUE` of a kernel module: `firmware=iwlwifi-8000C-36.ucode`. */
export interface ModuleInfo {
  key: string;
  value: string;
}

/** What a kernel module (.ko, not compressed) says in its `.modinfo` section, in order. Kernel: include/linux/moduleparam.h. */
export async function readModinfo(source: Source): Promise<ModuleInfo[]> {
  const elf = await probeElf(source);
  if (elf === undefined) {
    throw new MkinitrdError({ tried: "reading the kernel module", on: source.name, found: "it is no ELF file" });
  }
  const section = await readElfSection(source, elf, ".modinfo");
  return section === undefined ? [] : decodeModinfo(section);
}

/** Zero-terminated `KEY=VALUE` texts; what has no `=` is left out. */
export function decodeModinfo(bytes: Buffer): ModuleInfo[] {
  return bytes.toString("utf8").split("\0").filter((text) => text.includes("=")).map((text) => {
    const equals = text.indexOf("=");
    return { key: text.slice(0, equals), value: text.slice(equals + 1) };
  });
}
