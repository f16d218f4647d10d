import { MkinitrdError } from "../../core/errors.ts";
import { fnmatch, underscores } from "./fnmatch.ts";
import type { ModuleIndex } from "./module-index.ts";

/** Whether an entry of a module list means several modules: a pattern of names (`snd_*`), or a directory (`drivers/nvme`, `fs/nls/`). */
export function isModulePattern(entry: string): boolean {
  return /[*?[/]/.test(entry);
}

/** The names of the modules that such an entry means. A directory is that of the kernel's own tree, or as `updates/dkms` of its release. */
export function matchModules(index: ModuleIndex, entry: string): string[] {
  const matches = entry.includes("/") ? byPath(entry) : fnmatch(entry);
  return [...index.modules.values()].filter(({ name, path }) => matches.test(entry.includes("/") ? underscores(path) : name)).map(({ name }) => name);
}

/** The same; none is an error. */
export function requireModules(index: ModuleIndex, entry: string): string[] {
  const found = matchModules(index, entry);
  if (found.length > 0) return found;
  throw new MkinitrdError({
    tried: `finding the modules ${entry}`, on: index.directory, found: `kernel ${index.release} has none there`,
    next: "name a directory below kernel/, as drivers/nvme, or a pattern of names, as nvme*",
  });
}

/** A star stays within one directory; what ends on a directory means all below it. */
function byPath(entry: string): RegExp {
  const bare = underscores(entry).replace(/^kernel\//, "").replace(/\/+$/, "").replace(/\.ko(\.(xz|zst|gz))?$/, "");
  const source = bare.split("/").map((part) => fnmatch(part).source.slice(1, -1).replaceAll(".*", "[^/]*")).join("/");
  return new RegExp(`^(kernel/)?${source}(/.*)?(\\.ko(\\.(xz|zst|gz))?)?$`);
}
