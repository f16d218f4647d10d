import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import { fnmatch, underscores } from "./fnmatch.ts";

/** What depmod(8) and the kernel's build wrote about the modules of one release. Names have underscores. */
export interface ModuleIndex {
  release: string;
  /** On the build machine: /lib/modules/RELEASE. */
  directory: string;
  /** Module files by name. */
  modules: Map<string, ModuleFile>;
  /** Names of what is part of the kernel itself. */
  builtin: Set<string>;
  softdeps: Map<string, { pre: string[]; post: string[] }>;
  /** Modules that one may ask for while it runs. */
  weakdeps: Map<string, string[]>;
  /** Names of the modules that have this alias; those in the kernel itself come out as such in `builtin`. */
  lookUp(alias: string): string[];
  /** What may not be loaded, and why; see modprobe-rules.ts. */
  forbidden?: Map<string, string>;
}

export interface ModuleFile {
  name: string;
  /** Relative to the directory, as in modules.dep: kernel/fs/xfs/xfs.ko.xz. */
  path: string;
  /** Names, in the order in which they have to be loaded. */
  dependencies: string[];
}

/** Reads the index files of `directory`. Throws when modules.dep or modules.alias is missing (without that no device would get its driver); the others may be absent. modules.dep(5), depmod(8) */
export function readModuleIndex(directory: string, release: string): ModuleIndex {
  const text = (name: string) => readText(join(directory, name));
  const written = (name: string) => text(name) ?? refuse(directory, release, name);
  const dependencies = written("modules.dep");
  const aliases = new Aliases();
  for (const [pattern, name] of lines(written("modules.alias"), "alias")) aliases.add(pattern ?? "", moduleName(name ?? ""));
  for (const [name, pattern] of builtinAliases(text("modules.builtin.modinfo") ?? "")) aliases.add(pattern, moduleName(name));
  const modules = parseDependencies(dependencies);
  return {
    release,
    directory,
    modules: new Map(modules.map((module) => [module.name, module])),
    builtin: new Set((text("modules.builtin") ?? "").split("\n").filter((path) => path !== "").map(moduleName)),
    softdeps: parseSoftdeps(lines(text("modules.softdep"), "softdep")),
    weakdeps: new Map(lines(text("modules.weakdep"), "weakdep").map(([name = "", ...others]) => [moduleName(name), others])),
    lookUp: (alias) => aliases.find(alias),
  };
}

/** `crc32c_intel` for kernel/arch/x86/crypto/crc32c-intel.ko.xz, as lsmod prints it. */
export function moduleName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1).replace(/\.ko(\.(xz|zst|gz))?$/, "").replaceAll("-", "_");
}

function parseDependencies(text: string): ModuleFile[] {
  return text.split("\n").filter((line) => line.includes(":")).map((line) => {
    const [path = "", rest = ""] = line.split(":", 2);
    // What has to be loaded first stands last.
    const dependencies = rest.split(" ").filter((word) => word !== "").map(moduleName).reverse();
    return { name: moduleName(path), path, dependencies };
  });
}

/** Of each `softdep NAME pre: A B post: C` what is behind its first word; a word in front of both means nothing. modprobe.d(5) */
export function parseSoftdeps(all: string[][]): ModuleIndex["softdeps"] {
  const softdeps: ModuleIndex["softdeps"] = new Map();
  for (const [name = "", ...words] of all) {
    const softdep = softdeps.get(moduleName(name)) ?? { pre: [], post: [] };
    softdeps.set(moduleName(name), softdep);
    let list: string[] | undefined;
    for (const word of words) {
      if (word === "pre:") list = softdep.pre;
      else if (word === "post:") list = softdep.post;
      else list?.push(word);
    }
  }
  return softdeps;
}

/** The words behind the keyword of each line. */
function lines(text: string | undefined, keyword: string): string[][] {
  return (text ?? "").split("\n").map((line) => line.split(/\s+/)).filter(([first]) => first === keyword).map(([, ...words]) => words);
}

/** modules.builtin.modinfo is zero-terminated `NAME.alias=PATTERN`, among other keys. */
function builtinAliases(text: string): [string, string][] {
  return text.split("\0").flatMap((entry): [string, string][] => {
    const match = /^([^.=]+)\.alias=(.*)$/.exec(entry);
    return match === null ? [] : [[match[1] ?? "", match[2] ?? ""]];
  });
}

/** Alias patterns by what they begin with: a modalias (`pci:v…`) is compared with those of its own bus only. */
class Aliases {
  private readonly exact = new Map<string, string[]>();
  private readonly patterns = new Map<string, { pattern: string; name: string; matches?: RegExp }[]>();

  add(pattern: string, name: string): void {
    if (/[*?[]/.test(pattern)) append(this.patterns, bus(pattern), { pattern, name });
    else append(this.exact, underscores(pattern), name);
  }

  find(alias: string): string[] {
    const wanted = underscores(alias);
    const candidates = this.patterns.get(bus(alias)) ?? [];
    const matching = candidates.filter((each) => (each.matches ??= fnmatch(each.pattern)).test(wanted));
    return [...new Set([...(this.exact.get(wanted) ?? []), ...matching.map(({ name }) => name)])];
  }
}

function append<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

function bus(alias: string): string {
  return underscores(/^[^:*?[]*/.exec(alias)?.[0] ?? "");
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new MkinitrdError({ tried: "reading the module index", on: file, found: String(error), cause: error });
  }
}

function refuse(directory: string, release: string, missing: string): never {
  const [, root] = /^(.*?)(?:\/usr)?\/lib\/modules\/[^/]+\/?$/.exec(directory) ?? [];
  const command = root === undefined ? "depmod" : root === "" ? `depmod ${release}` : `depmod -b ${root} ${release}`;
  throw new MkinitrdError({ tried: `finding the modules of kernel ${release}`, on: directory, found: `it has no ${missing}`, next: `install the kernel, or index its modules: ${command}` });
}
