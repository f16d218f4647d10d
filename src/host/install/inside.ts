import { join } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import { openSysroot, type Found } from "../plan/sysroot.ts";
import { lstatOf } from "../stat.ts";

/** A system that is mounted somewhere, whose links lead within it: an absolute one, too, as they will when it runs. */
export interface MountedSystem {
  /** What a path leads to, undefined when nothing is there. */
  find(path: string): Found | undefined;
  /**
   * Where a file of that path is to be written: links of its directories and its own are followed, what is not there yet is as it is written.
   * Throws where a link leads nowhere: what it is to be made of nobody knows.
   */
  place(path: string): string;
  /** The name itself, a link or not, in the directory that its path leads to; undefined when nothing is there. */
  entry(path: string): string | undefined;
}

/** The system below `root`, as chroot(2) there would see it. */
export function mountedSystem(root: string): MountedSystem {
  const sysroot = openSysroot(root);
  return { find: sysroot.find, place, entry };

  function place(path: string): string {
    let reached = "/";
    const names = path.split("/").filter((name) => name !== "" && name !== ".");
    for (const [index, name] of names.entries()) {
      const found = sysroot.find(join(reached, name));
      if (found !== undefined) {
        reached = found.path;
        continue;
      }
      const missing = join(root, reached, name);
      if (lstatOf(missing) === undefined) return join(root, reached, ...names.slice(index));
      throw new MkinitrdError({ tried: "following a link", on: missing, found: `it leads nowhere in ${root}`, next: "mount what it leads to, or remove it" });
    }
    return join(root, reached);
  }

  function entry(path: string): string | undefined {
    const names = path.split("/");
    const directory = sysroot.find(names.slice(0, -1).join("/"));
    const file = directory === undefined ? undefined : join(directory.file, names.at(-1) ?? "");
    return file === undefined || lstatOf(file) === undefined ? undefined : file;
  }
}
