import { MkinitrdError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";
import { moduleName, type ModuleFile, type ModuleIndex } from "./module-index.ts";
import type { Reason } from "./types.ts";

/** A module by name or alias, and who wants it. */
export interface WantedModule {
  name: string;
  optional: boolean;
  reason: Reason;
}

/** A module that goes into the image. */
export interface PlannedModule extends ModuleFile {
  reason: Reason;
}

export interface ResolvedModules {
  /** In the order in which they may be loaded: each behind what it depends on and behind its `pre` softdeps. */
  modules: PlannedModule[];
  /** Those that only weakdeps name: a packed module may ask for them later. */
  weak: PlannedModule[];
  /** What was optional and is neither a module nor in the kernel. */
  notes: string[];
}

/**
 * Resolves names and aliases with all that they depend on. What is part of the kernel needs nothing. Throws on one that is
 * neither optional nor there, naming the kernel. The order is that of modprobe(8): dependencies, `pre`, itself, `post`. What is
 * in `omitted` does not come in as softdep or weakdep.
 */
export function resolveModules(index: ModuleIndex, wanted: readonly WantedModule[], omitted: ReadonlySet<string> = new Set()): ResolvedModules {
  const planned = new Map<string, PlannedModule>();
  const visited = new Set<string>();
  const notes: string[] = [];
  for (const { name, optional, reason } of wanted) {
    const names = candidates(index, name);
    if (names === undefined && !optional) throw missingModule(index, name, reason);
    if (names === undefined) notes.push(index.forbidden?.has(moduleName(name)) === true
      ? `module ${name} (optional, ${reason}) stays out: ${index.forbidden.get(moduleName(name))}`
      : `module ${name} is not in kernel ${index.release} (optional, ${reason})`);
    for (const each of names ?? []) probe(each, each === moduleName(name) ? reason : `${name}, ${reason}`);
  }
  const modules = [...planned.values()];
  for (const module of modules) for (const weak of index.weakdeps.get(module.name) ?? []) probeOptional(weak, `weak dependency of ${chain(module)}`);
  return { modules, weak: [...planned.values()].slice(modules.length), notes };

  function probe(name: string, reason: Reason): void {
    const module = index.modules.get(name);
    if (module === undefined || visited.has(name)) return;
    visited.add(name);
    const self = chain({ name, reason });
    for (const dependency of module.dependencies) withSoftdeps(dependency, `dependency of ${self}`);
    withSoftdeps(name, reason);
  }

  function withSoftdeps(name: string, reason: Reason): void {
    const module = index.modules.get(name);
    if (module === undefined || planned.has(name)) return;
    visited.add(name);
    const { pre, post } = index.softdeps.get(name) ?? { pre: [], post: [] };
    const self = chain({ name, reason });
    for (const each of pre) probeOptional(each, `softdep of ${self}`);
    planned.set(name, { ...module, reason });
    for (const each of post) probeOptional(each, `softdep of ${self}`);
  }

  function probeOptional(name: string, reason: Reason): void {
    for (const each of candidates(index, name) ?? []) if (!omitted.has(each)) probe(each, reason);
  }
}

/** Names of modules for a name or alias, none when it is in the kernel itself; undefined when nobody knows it. */
function candidates(index: ModuleIndex, name: string): string[] | undefined {
  const own = moduleName(name);
  if (index.modules.has(own)) return [own];
  if (index.builtin.has(own)) return [];
  const aliased = index.lookUp(name);
  return aliased.length === 0 ? undefined : aliased.filter((each) => index.modules.has(each));
}

function chain({ name, reason }: { name: string; reason: Reason }): Reason {
  return `${name}, ${reason}`;
}

function missingModule(index: ModuleIndex, name: string, reason: Reason): MkinitrdError {
  const forbidden = index.forbidden?.get(moduleName(name));
  if (forbidden !== undefined) {
    return new MkinitrdError({ tried: `packing the module ${name} (${reason})`, on: index.directory, found: `it may not be loaded: ${forbidden}`, next: "take that line away, or what needs the module out of the configuration" });
  }
  const meant = nearest(moduleName(name), [...index.modules.keys(), ...index.builtin]);
  return new MkinitrdError({
    tried: `finding the module ${name} (${reason})`,
    on: index.directory,
    found: `kernel ${index.release} has no module, alias or built-in part of that name`,
    next: meant === undefined ? "check that all of the kernel's packages are installed" : `did you mean ${meant}?`,
  });
}
