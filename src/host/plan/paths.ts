import { dirname, join, resolve } from "node:path";
import type { DirectoryEntry, Entry, LinkEntry, Reason } from "./types.ts";
import type { Found, FollowedLink } from "./sysroot.ts";

/** Top-level directories that are links to those below usr/ in every image. */
export const MERGED = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"];

/** Where a path lies in the image: no leading slash, `bin` and the like moved below `usr`. */
export function imagePath(path: string): string {
  const bare = path.replace(/^\/+/, "");
  const [top = ""] = bare.split("/", 1);
  return MERGED.includes(top) ? `usr/${bare}` : bare;
}

/** The links bin → usr/bin and the like, and the directories behind them. */
export function mergedUsr(reason: Reason): Entry[] {
  return MERGED.filter((name) => !["lib32", "libx32"].includes(name)).flatMap((name) => [
    directory(`usr/${name}`, reason),
    { path: name, mode: 0o777, reason, type: "link" as const, target: `usr/${name}` },
  ]);
}

/** A directory that anybody may enter. */
export function directory(path: string, reason: Reason, mode = 0o755): Entry & DirectoryEntry {
  return { path, mode, reason, type: "directory" };
}

/** A symbolic link. */
export function link(path: string, target: string, reason: Reason): Entry & LinkEntry {
  return { path, mode: 0o777, reason, type: "link", target };
}

/** Entries for a file of the sysroot and for the links that led to it. */
export function foundEntries(found: Found, reason: Reason): Entry[] {
  const links = found.links.filter((each) => !isMerged(each)).map(({ path, target }) => link(imagePath(path), imageTarget(path, target), reason));
  const { stats } = found;
  const file: Entry = { path: imagePath(found.path), mode: stats.mode & 0o755, reason, type: "file", from: { file: found.file } };
  return stats.isFile() ? [...links, file] : links;
}

/** A link that the image has anyway (bin, lib), or that leads to where it moves itself: /lib/x → /usr/lib/x. */
function isMerged({ path, target }: FollowedLink): boolean {
  return MERGED.includes(path.slice(1)) || imagePath(resolve(dirname(path), target)) === imagePath(path);
}

/** A relative target of a link that moves below usr/ would lead elsewhere: it becomes absolute. */
function imageTarget(path: string, target: string): string {
  const moved = imagePath(path) !== path.slice(1);
  return moved && !target.startsWith("/") ? join(dirname(path), target) : target;
}
