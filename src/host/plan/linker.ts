import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Elf } from "../../core/formats/elf.ts";
import type { Sysroot } from "./sysroot.ts";

/** Debian's multiarch directory of each e_machine and class. https://wiki.debian.org/Multiarch/Tuples */
const MULTIARCH: Record<string, string> = {
  "62/64": "x86_64-linux-gnu",
  "62/32": "x86_64-linux-gnux32",
  "3/32": "i386-linux-gnu",
  "183/64": "aarch64-linux-gnu",
  "40/32": "arm-linux-gnueabihf",
  "243/64": "riscv64-linux-gnu",
};
const INCLUDES_MAX = 64;

/** Where the dynamic linker looks with no configuration at all: Debian's, Fedora's and Arch's directories. */
export function defaultDirectories(elf: Pick<Elf, "machine" | "bits">): string[] {
  const multiarch = MULTIARCH[`${elf.machine}/${elf.bits}`];
  return [
    ...(multiarch === undefined ? [] : [`/lib/${multiarch}`, `/usr/lib/${multiarch}`]),
    ...(elf.bits === 64 ? ["/lib64", "/usr/lib64"] : ["/lib32", "/usr/lib32"]),
    "/lib",
    "/usr/lib",
  ];
}

/** The directories of /etc/ld.so.conf and of what it includes, in order. ldconfig(8) */
export function readLinkerDirectories(sysroot: Sysroot): string[] {
  const seen = new Set<string>();
  return [...new Set(read("/etc/ld.so.conf"))];

  function read(path: string): string[] {
    const found = sysroot.find(path);
    if (found?.stats.isFile() !== true || seen.has(found.path) || seen.size === INCLUDES_MAX) return [];
    seen.add(found.path);
    const lines = readFileSync(found.file, "utf8").split("\n").map((line) => line.replace(/#.*/, "").trim());
    return lines.flatMap((line) => {
      const include = /^include\s+(.*)$/.exec(line)?.[1];
      if (include !== undefined) return include.split(/\s+/).flatMap((pattern) => glob(join("/", dirname(path), pattern), pattern).flatMap(read));
      return line.startsWith("/") ? line.split(/[\s,:]+/) : [];
    });
  }

  /** `*` and `?` in the last part only: what distributions write. A pattern without a leading slash is relative. */
  function glob(relative: string, pattern: string): string[] {
    const path = pattern.startsWith("/") ? pattern : relative;
    const last = path.slice(path.lastIndexOf("/") + 1);
    const matches = new RegExp(`^${last.replaceAll(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".")}$`);
    return sysroot.list(dirname(path)).filter((name) => matches.test(name)).map((name) => join(dirname(path), name));
  }
}
