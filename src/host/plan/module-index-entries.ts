import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type ModuleFile, moduleName, type ModuleIndex } from "./module-index.ts";
import type { Entry } from "./types.ts";

/**
 * The kernel's own index, line by line, without what is about other modules, and with the names that unpacked modules have.
 * `softdeps` are those that the image's modprobe has to see to itself: see `aliasLines`.
 */
export function indexEntries(index: ModuleIndex, directory: string, packed: readonly ModuleFile[], softdeps: ModuleIndex["softdeps"]): Entry[] {
  const names = new Set(packed.map(({ name }) => name));
  const filtered = (file: string, keep: (line: string) => boolean, change: (line: string) => string[] = (line) => [line]): Entry => {
    const lines = readLines(join(index.directory, file)).filter(keep).flatMap(change);
    return { path: `${directory}/${file}`, mode: 0o644, reason: "index of the packed modules", type: "file", from: { bytes: Buffer.from(lines.map((line) => `${line}\n`).join("")) } };
  };
  const word = (line: string, position: number) => moduleName(line.split(" ")[position] ?? "");
  return [
    filtered("modules.dep", (line) => names.has(moduleName(line.split(":", 1)[0] ?? "")), (line) => [line.replaceAll(/(\.ko)\.(?:xz|zst|gz)\b/g, "$1")]),
    filtered("modules.alias", (line) => line.startsWith("alias ") && names.has(word(line, 2)), (line) => aliasLines(line, softdeps.get(word(line, 2)))),
    filtered("modules.softdep", (line) => line.startsWith("softdep ") && names.has(word(line, 1))),
    filtered("modules.builtin", () => true),
  ];
}

/**
 * Busybox's modprobe knows no softdeps. Of several modules with one alias it loads all, the last line first, whether or not one
 * of them fails: what it is to load before a module stands below it. modutils/modprobe.c, config_file_action()
 */
function aliasLines(line: string, softdep: { pre: string[]; post: string[] } | undefined): string[] {
  if (softdep === undefined) return [line];
  const [, pattern] = line.split(" ");
  const others = (names: string[]) => names.toReversed().map((name) => `alias ${pattern} ${moduleName(name)}`);
  return [...others(softdep.post), line, ...others(softdep.pre)];
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n").filter((line) => line !== "");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
