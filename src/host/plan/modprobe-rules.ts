import { moduleName, type ModuleIndex, parseSoftdeps } from "./module-index.ts";
import { fnmatch } from "./fnmatch.ts";
import type { ModprobeLine } from "./modprobe-config.ts";

/** An install line whose whole command does nothing: the way to forbid a module for good. What does more after it may load the module. */
const NOTHING = /^(?:(?:\/usr)?\/s?bin\/)?(?:true|false|:|exit \d+)\s*(?:\s#.*)?$/;

/**
 * Applies aliases, softdeps, weakdeps, blacklists and `install NAME /bin/false` of modprobe.d. What is blacklisted is found by its
 * name alone; what is forbidden, or needs such a module, is gone.
 */
export function applyModprobeConfig(index: ModuleIndex, lines: readonly ModprobeLine[]): ModuleIndex {
  const of = (keyword: string) => lines.filter((line) => line.keyword === keyword);
  const aliases = of("alias").map(({ subject, rest }) => ({ matches: fnmatch(subject), name: moduleName(rest) }));
  const blacklist = new Set(of("blacklist").map(({ subject }) => moduleName(subject)));
  const forbidden = forbiddenModules(index, of("install"));
  const known = (name: string) => index.modules.has(name) || index.builtin.has(name);
  return {
    ...index,
    forbidden,
    modules: new Map([...index.modules].filter(([name]) => !forbidden.has(name))),
    softdeps: withSoftdeps(index.softdeps, of("softdep")),
    weakdeps: withWeakdeps(index.weakdeps, of("weakdep")),
    lookUp(alias) {
      const wanted = alias.replaceAll("-", "_");
      const own = aliases.filter(({ matches }) => matches.test(wanted)).map(({ name }) => name);
      return (own.length > 0 ? own.filter(known) : index.lookUp(alias)).filter((name) => !blacklist.has(name));
    },
  };
}

/** The softdep lines among them, by module. */
export function softdepsOf(lines: readonly ModprobeLine[]): ModuleIndex["softdeps"] {
  return parseSoftdeps(lines.filter(({ keyword }) => keyword === "softdep").map(({ subject, rest }) => [subject, ...rest.split(/\s+/)]));
}

/** Those of install lines, and all that depends on one. */
function forbiddenModules(index: ModuleIndex, installs: readonly ModprobeLine[]): Map<string, string> {
  const forbidden = new Map<string, string>();
  for (const { subject, rest, file } of installs) if (NOTHING.test(rest)) forbidden.set(moduleName(subject), `"install ${subject} ${rest}" in ${file}`);
  if (forbidden.size === 0) return forbidden;
  for (const { name, dependencies } of index.modules.values()) { // modules.dep lists all that a module depends on, at any depth
    const cause = dependencies.find((each) => forbidden.has(each));
    if (cause !== undefined && !forbidden.has(name)) forbidden.set(name, `it needs ${cause}, and ${forbidden.get(cause)} forbids that`);
  }
  return forbidden;
}

function withSoftdeps(softdeps: ModuleIndex["softdeps"], lines: readonly ModprobeLine[]): ModuleIndex["softdeps"] {
  const all = new Map(softdeps);
  for (const [name, { pre, post }] of softdepsOf(lines)) all.set(name, { pre: [...(all.get(name)?.pre ?? []), ...pre], post: [...(all.get(name)?.post ?? []), ...post] });
  return all;
}

function withWeakdeps(weakdeps: ModuleIndex["weakdeps"], lines: readonly ModprobeLine[]): ModuleIndex["weakdeps"] {
  const all = new Map(weakdeps);
  for (const { subject, rest } of lines) {
    const name = moduleName(subject);
    all.set(name, [...(all.get(name) ?? []), ...rest.split(/\s+/).filter((word) => word !== "")]);
  }
  return all;
}
