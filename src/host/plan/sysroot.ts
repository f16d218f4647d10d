import { lstatSync, readdirSync, readlinkSync, type Stats } from "node:fs";
import { dirname, join } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import { describeIoError } from "../read-text.ts";
import { isDirectory } from "../stat.ts";
import { MERGED } from "./paths.ts";

/** A symbolic link that was followed. Paths are those inside the sysroot: absolute, without the sysroot's own path. */
export interface FollowedLink {
  path: string;
  target: string;
}

/** What a path of the sysroot leads to. */
export interface Found {
  /** Inside the sysroot, with no link in it. */
  path: string;
  /** On the build machine. */
  file: string;
  stats: Stats;
  /** All links that led there, in the order in which they were followed. */
  links: FollowedLink[];
}

/**
 * A directory tree that the image's programs and libraries come from; links in it are its own, absolute ones too. Where packages
 * were only unpacked, and none of them made the links bin, sbin and lib to those below usr, they count as there.
 */
export interface Sysroot {
  readonly path: string;
  /** Undefined when nothing is there. Throws on a loop of links. */
  find(path: string): Found | undefined;
  /** The names in a directory, sorted; none when there is no such directory. */
  list(path: string): string[];
}

const LINKS_MAX = 40; // as the kernel, path_resolution(7)

/** The tree below `root`, `/` for the build machine itself. What was looked up once is remembered. */
export function openSysroot(root: string): Sysroot {
  const remembered = new Map<string, Stats | undefined>();
  return {
    path: root,
    find: (path) => follow(root, path, statOf),
    list(path) {
      const found = follow(root, path, statOf);
      return found?.stats.isDirectory() === true ? readdirSync(found.file).sort() : [];
    },
  };

  function statOf(path: string): Stats | undefined {
    if (!remembered.has(path)) remembered.set(path, lstat(join(root, path)));
    return remembered.get(path);
  }
}

/** Where the kernels' modules are below a directory that is like a sysroot. */
export function modulesBelow(root: string): string {
  const [usual = "", merged = ""] = ["lib/modules", "usr/lib/modules"].map((path) => join(root, path));
  return !isDirectory(usual) && isDirectory(merged) ? merged : usual;
}

function lstat(file: string): Stats | undefined {
  try {
    return lstatSync(file, { throwIfNoEntry: false });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOTDIR") return undefined;
    throw new MkinitrdError({ tried: "looking for a file", on: file, found: describeIoError(cause), cause });
  }
}

function follow(root: string, path: string, statOf: (path: string) => Stats | undefined): Found | undefined {
  const links: FollowedLink[] = [];
  let waiting = parts(path);
  let reached = "/";
  while (waiting.length > 0) {
    const next = join(reached, waiting[0] ?? "");
    waiting = waiting.slice(1);
    const stats = statOf(next);
    if (stats === undefined && isUnmadeLink(next, statOf)) {
      reached = "/usr";
      waiting = [next.slice(1), ...waiting];
      links.push({ path: next, target: `usr${next}` });
      continue;
    }
    if (stats === undefined) return undefined;
    if (!stats.isSymbolicLink()) {
      reached = next;
      continue;
    }
    if (links.length === LINKS_MAX) throw loop(root, path);
    const target = readlinkSync(join(root, next));
    links.push({ path: next, target });
    waiting = [...parts(target), ...waiting];
    reached = target.startsWith("/") ? "/" : dirname(next);
  }
  const stats = statOf(reached);
  return stats === undefined ? undefined : { path: reached, file: join(root, reached), stats, links };
}

/** file-hierarchy(7), "COMPATIBILITY SYMLINKS" */
function isUnmadeLink(path: string, statOf: (path: string) => Stats | undefined): boolean {
  return MERGED.includes(path.slice(1)) && statOf(`/usr${path}`)?.isDirectory() === true;
}

function parts(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

function loop(root: string, path: string): MkinitrdError {
  return new MkinitrdError({ tried: "looking for a file", on: join(root, path), found: `more than ${LINKS_MAX} symbolic links, one behind the other` });
}
