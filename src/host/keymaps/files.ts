import type { Sysroot } from "../plan/sysroot.ts";

/** Where distributions keep the keymaps of the console: Debian, Arch and SUSE, Fedora; Alpine's are binary. */
const DIRECTORIES = ["/usr/share/keymaps", "/usr/share/kbd/keymaps", "/usr/lib/kbd/keymaps", "/usr/share/bkeymaps"];
const FILE = /\.(k?map|bmap)(\.(gz|bz2|xz|zst))?$/;
/** Keyboards of other machines, whose keymaps have the same names. */
const OTHER_MACHINES = /\/(amiga|atari|mac|pmac|ppc|sun)\//;
const DEEPEST = 5; // directories, i386/qwertz/ below legacy/

/** The name of a keymap by its file's: `de-latin1` for `de-latin1.kmap.gz`. */
export function keymapName(file: string): string {
  return file.replace(FILE, "");
}

/** The keymaps of the console that a machine has: their files by their names. Of several those for a PC come first. */
export function keymapFiles(sysroot: Sysroot): Map<string, string> {
  const paths = DIRECTORIES.flatMap((directory) => below(sysroot, directory, DEEPEST));
  const ordered = [...paths.filter((path) => !OTHER_MACHINES.test(path)), ...paths.filter((path) => OTHER_MACHINES.test(path))];
  const files = new Map<string, string>();
  for (const path of ordered) {
    const name = keymapName(path.slice(path.lastIndexOf("/") + 1));
    const found = files.has(name) ? undefined : sysroot.find(path);
    if (found?.stats.isFile() === true) files.set(name, found.file);
  }
  return files;
}

/** Parts that others include are no keymaps: they lie in include/, or end in .inc. */
function below(sysroot: Sysroot, directory: string, depth: number): string[] {
  if (depth === 0) return [];
  return sysroot.list(directory).filter((name) => name !== "include").flatMap((name) => {
    const path = `${directory}/${name}`;
    if (FILE.test(name)) return [path];
    return sysroot.find(path)?.stats.isDirectory() === true ? below(sysroot, path, depth - 1) : [];
  });
}
