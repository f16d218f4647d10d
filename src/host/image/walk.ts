import type { ImageInode } from "./tree-types.ts";

const LINKS_MAX = 40; // as the kernel, path_resolution(7)

/** Where a path leads to in the image. */
export type Walked =
  | { path: string; climbs: boolean; links: string[] }
  /** The walk ends at `at`, of which `found` says what is wrong; `links` were followed before. */
  | { stopped: "missing" | "no directory" | "circle"; at: string; rest: string[]; climbs: boolean; links: string[] };

/** The parts of a path, without empty ones and dots. */
export function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

/**
 * Follows a path from the root of the image, links too. The last part is looked up only where `last` is "follow"; it need not be
 * there. `climbs` says whether a `..` of a link went above the root, where the kernel stays at it.
 */
export function walk(inodes: ReadonlyMap<string, ImageInode>, parts: readonly string[], last: "keep" | "follow"): Walked {
  const waiting = [...parts].reverse();
  const reached: string[] = [];
  const links: string[] = [];
  let climbs = false;
  for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
    if (part === "..") {
      climbs ||= reached.length === 0;
      reached.pop();
      continue;
    }
    reached.push(part);
    const at = reached.join("/");
    const isLast = waiting.length === 0;
    if (isLast && last === "keep") break;
    const inode = inodes.get(at);
    if (inode === undefined) return { stopped: "missing", at, rest: waiting.reverse(), climbs, links };
    if (inode.target !== undefined) {
      if (links.length === LINKS_MAX) return { stopped: "circle", at, rest: waiting.reverse(), climbs, links };
      links.push(at);
      waiting.push(...partsOf(inode.target).reverse());
      if (inode.target.startsWith("/")) reached.length = 0;
      else reached.pop();
    } else if (!isLast && inode.type !== "directory") {
      return { stopped: "no directory", at, rest: waiting.reverse(), climbs, links };
    }
  }
  return { path: reached.join("/"), climbs, links };
}
