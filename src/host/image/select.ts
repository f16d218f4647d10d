import { matchesGlob } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";
import { quote } from "../../core/quote.ts";
import type { OpenedImage } from "./open.ts";
import type { ImageNode } from "./tree-types.ts";
import { partsOf } from "./walk.ts";

/**
 * The paths of an image that one of the patterns names, all where there is none: a path itself, what lies below it, `*` and `?` for a part of
 * one directory's names, `**` for any number of directories. A pattern without a slash is also a name in any directory. Throws on
 * a pattern that names nothing.
 */
export function selectNodes(image: OpenedImage, patterns: readonly string[]): ImageNode[] {
  if (patterns.length === 0) return image.tree.nodes;
  const chosen = new Set<ImageNode>();
  for (const pattern of patterns) {
    const matches = matcher(pattern);
    const own = image.tree.nodes.filter(({ path }) => matches(path));
    const found = own.length > 0 ? own : behindLinks(image, pattern);
    if (found.length === 0) throw noSuchPath(image, pattern);
    for (const node of found) chosen.add(node);
  }
  return image.tree.nodes.filter((node) => chosen.has(node));
}

/** A path that leads through links, as it does for who boots the image, and what lies below it. */
function behindLinks({ tree }: OpenedImage, path: string): ImageNode[] {
  const found = tree.find(path);
  return found === undefined ? [] : tree.nodes.filter((node) => node.path === found.path || node.path.startsWith(`${found.path}/`));
}

/** The error for a path that an image does not have. */
export function noSuchPath({ file, tree }: OpenedImage, path: string): MkinitrdError {
  const meant = nearest(partsOf(path).join("/"), tree.nodes.map((node) => node.path));
  return new MkinitrdError({
    tried: `looking for ${quote(path)}`, on: file, found: "the image has no such path",
    next: meant === undefined ? `mkinitrd ls ${file} lists them` : `did you mean ${quote(meant)}?`,
  });
}

function matcher(pattern: string): (path: string) => boolean {
  const plain = partsOf(pattern).join("/");
  if (plain === "") return () => true;
  const isGlob = /[*?[{]/.test(plain);
  return (path) => path === plain || path.startsWith(`${plain}/`)
    || (isGlob && (matchesGlob(path, plain) || (!plain.includes("/") && matchesGlob(path.slice(path.lastIndexOf("/") + 1), plain))));
}
