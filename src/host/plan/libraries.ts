import { basename, dirname } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import { readDlopenNotes } from "../../core/formats/dlopen-notes.ts";
import { probeElf, type Elf } from "../../core/formats/elf.ts";
import { ARCHITECTURES, describeMachine, runs } from "../architecture.ts";
import { withFile } from "./file-source.ts";
import { defaultDirectories, readLinkerDirectories } from "./linker.ts";
import { foundEntries, imagePath, link } from "./paths.ts";
import type { Found, Sysroot } from "./sysroot.ts";
import type { Entry, Reason } from "./types.ts";

/** Finds what programs and libraries need to run, as the dynamic linker would. One for a plan: it remembers what it read. */
export interface LibraryFinder {
  /**
   * Entries for the dynamic linker and every library that the file needs, directly or through another; none when it is no
   * ELF file. `path` is where it lies in the sysroot, for $ORIGIN. Throws on a library that is missing, naming who needs it.
   */
  needs(file: { path: string; file: string }, reason: Reason): Promise<Entry[]>;
  /** A library by a path relative to the library directories (`ossl-modules/legacy.so`) with all that it needs; undefined when absent. */
  find(name: string, reason: Reason): Promise<Entry[] | undefined>;
}

interface Binary {
  /** In the sysroot. */
  path: string;
  elf: Elf;
  /** Sonames of required dlopen notes. */
  opens: string[];
}

/** A finder over a sysroot. `like` is a program that decides the machine and class where nothing else does: Node or busybox. */
export function libraryFinder(sysroot: Sysroot, like: { file: string }): LibraryFinder {
  const binaries = new Map<string, Promise<Binary | undefined>>();
  const configured = readLinkerDirectories(sysroot);
  return {
    async needs({ path, file }, reason) {
      const binary = await read(path, file);
      if (binary === undefined) return [];
      await checkMachine(binary, reason);
      return collect(binary, reason);
    },
    async find(name, reason) {
      const model = await read(like.file, like.file);
      const found = model === undefined ? undefined : await search(name, [...defaultDirectories(model.elf), ...configured], model.elf);
      const binary = found === undefined ? undefined : await read(found.path, found.file);
      if (found === undefined || binary === undefined) return undefined;
      return [...foundEntries(found, `${name}, ${reason}`), ...(await collect(binary, `${name}, ${reason}`))];
    },
  };

  /** One of another architecture would be packed with its libraries, and run nowhere. */
  async function checkMachine({ path, elf }: Binary, reason: Reason): Promise<void> {
    const model = await read(like.file, like.file);
    if (model === undefined || Object.values(ARCHITECTURES).every((each) => !runs(each, model.elf) || runs(each, elf))) return;
    throw new MkinitrdError({
      tried: `packing ${path} (${reason})`, on: sysroot.path, found: `it is a program for ${describeMachine(elf)}, and the runtime is for ${describeMachine(model.elf)}`,
      next: "unpack the package for that architecture there",
    });
  }

  function read(path: string, file: string): Promise<Binary | undefined> {
    const known = binaries.get(file);
    if (known !== undefined) return known;
    const reading = withFile(file, async (source) => {
      const elf = await probeElf(source);
      if (elf === undefined) return undefined;
      const opens = (await readDlopenNotes(source, elf)).filter(({ required }) => required).map(({ soname }) => soname);
      return { path, elf, opens };
    });
    binaries.set(file, reading);
    return reading;
  }

  /** Breadth first, as the linker loads them. */
  async function collect(program: Binary, reason: Reason): Promise<Entry[]> {
    const entries: Entry[] = await interpreter(program, reason);
    const loaded = new Set<string>();
    const waiting: { binary: Binary; loaders: Binary[]; chain: Reason }[] = [{ binary: program, loaders: [], chain: reason }];
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { binary, loaders, chain } = next;
      for (const name of [...binary.elf.needed, ...binary.opens]) {
        if (loaded.has(name)) continue;
        loaded.add(name);
        const found = await locate(name, binary, loaders);
        const library = found === undefined ? undefined : await read(found.path, found.file);
        if (found === undefined || library === undefined) throw missingLibrary(sysroot, name, binary, reason);
        entries.push(...foundEntries(found, `${name}, for ${chain}`), ...reachable(name, found, binary));
        waiting.push({ binary: library, loaders: [binary, ...loaders], chain: `${basename(found.path)}, for ${chain}` });
      }
    }
    return entries;
  }

  async function interpreter({ path, elf }: Binary, reason: Reason): Promise<Entry[]> {
    if (elf.interpreter === undefined) return [];
    const found = sysroot.find(elf.interpreter);
    if (found !== undefined) return foundEntries(found, `dynamic linker, for ${reason}`);
    throw missingLibrary(sysroot, elf.interpreter, { path, elf, opens: [] }, reason);
  }

  /** ld.so(8), "DESCRIPTION": DT_RPATH of the object and those that loaded it, DT_RUNPATH, ld.so.conf, default directories. */
  async function locate(name: string, binary: Binary, loaders: Binary[]): Promise<Found | undefined> {
    if (name.includes("/")) return sysroot.find(name);
    const rpath = binary.elf.runpath.length > 0 ? [] : [binary, ...loaders].flatMap((each) => expand(each, each.elf.rpath));
    const runpath = expand(binary, binary.elf.runpath);
    return search(name, [...rpath, ...runpath, ...configured, ...defaultDirectories(binary.elf)], binary.elf);
  }

  /** A library of another class or machine is passed over, as the linker does. */
  async function search(name: string, directories: string[], like: Elf): Promise<Found | undefined> {
    for (const directory of directories) {
      const found = sysroot.find(`${directory}/${name}`);
      if (found?.stats.isFile() !== true) continue;
      const candidate = await read(found.path, found.file);
      if (candidate?.elf.bits === like.bits && candidate.elf.machine === like.machine) return found;
    }
    return undefined;
  }

  /** The image has no ld.so.cache: a library from a directory that only ld.so.conf names gets a link in a default one. */
  function reachable(name: string, found: Found, binary: Binary): Entry[] {
    const directory = dirname(found.links.find(({ path }) => basename(path) === name)?.path ?? found.path);
    const defaults = defaultDirectories(binary.elf).map(imagePath);
    const own = [...expand(binary, binary.elf.runpath), ...expand(binary, binary.elf.rpath)].map(imagePath);
    if (name.includes("/") || defaults.includes(imagePath(directory)) || own.includes(imagePath(directory))) return [];
    return [link(`usr/lib/${name}`, `/${imagePath(found.path)}`, `${name}, which ld.so.conf of the build machine finds`)];
  }
}

/** $ORIGIN is the directory that the object lies in; $LIB and $PLATFORM are not guessed. */
function expand(binary: Binary, paths: string[]): string[] {
  const origin = dirname(binary.path);
  return paths.map((path) => path.replaceAll(/\$\{?ORIGIN\}?/g, origin)).filter((path) => path.startsWith("/") && !path.includes("$"));
}

function missingLibrary(sysroot: Sysroot, name: string, binary: Binary, reason: Reason): MkinitrdError {
  return new MkinitrdError({
    tried: `finding the libraries of ${binary.path}`,
    on: sysroot.path,
    found: `${name} is missing, which it needs (${binary.path} is in the image as ${reason})`,
    next: "install the package that has it, or take the program out of the image",
  });
}
