import { closeSync, constants, fchmodSync, fchownSync, futimesSync, lchownSync, linkSync, lutimesSync, openSync, symlinkSync, unlinkSync, writeSync } from "node:fs";
import { MkinitrdError } from "../../core/errors.ts";
import { encodeName } from "../../core/formats/newc-name.ts";
import { exec } from "../exec.ts";
import { describeIoError } from "../read-text.ts";
import { SafeDirectory } from "./safe-directory.ts";
import type { ImageNode } from "./tree-types.ts";
import { partsOf } from "./walk.ts";

export interface ExtractOptions {
  /** Device nodes and pipes too; only root may. A socket is nothing without the program that listens on it. */
  devices: boolean;
  /** Owners, and set-user-ID and set-group-ID bits, as the image has them; only root may. */
  preserve: boolean;
  /** Files that stand in the directory already are replaced. */
  force: boolean;
}

export interface Extracted {
  /** Paths that were written. */
  written: number;
  /** Device nodes, pipes and sockets that were left out. */
  skipped: ImageNode[];
}

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * Writes paths of an image, sorted as a tree has them, below a directory that is there. No link is followed on the way, and nothing that stands
 * there is opened. Directories get their modes last, so that a read-only one can be filled; those that stood there keep theirs.
 */
export async function extract(nodes: readonly ImageNode[], target: string, options: ExtractOptions): Promise<Extracted> {
  const directory = new SafeDirectory(target);
  const done = { written: 0, skipped: [] as ImageNode[] };
  const first = new Map<Set<string>, string[]>(); // of a file with several paths the one that was written
  const made = new Set<string>(); // paths of directories
  try {
    for (const node of nodes) {
      if (node.path === ".") continue;
      await named(node, target, () => writeNode(node));
    }
    for (const node of nodes.toReversed()) if (made.has(node.path)) await named(node, target, () => finish(node, directory.enter(partsOf(node.path))));
    return done;
  } finally {
    directory.close();
  }

  async function writeNode(node: ImageNode): Promise<void> {
    const parts = partsOf(node.path);
    const name = parts.pop() ?? "";
    for (let depth = 0; depth < parts.length; depth++) make(parts.slice(0, depth), parts[depth]!);
    if (node.type === "socket" || (isSpecial(node) && !options.devices)) return void done.skipped.push(node);
    done.written++;
    if (node.type === "directory") return make(parts, name);
    if (options.force) clear(directory.entry(parts, name));
    const other = first.get(node.paths);
    if (other !== undefined) return hardLink(other, parts, name);
    if (node.paths.size > 1) first.set(node.paths, [...parts, name]);
    const path = directory.entry(parts, name);
    if (node.type === "file") return writeFile(node, path);
    if (node.target !== undefined) symlinkSync(encodeName(node.target), path);
    else await makeNode(node, directory.enter(parts), name);
    if (options.preserve) lchownSync(path, node.uid, node.gid);
    lutimesSync(path, node.mtime, node.mtime);
  }

  function make(parts: string[], name: string): void {
    if (directory.make(parts, name)) made.add([...parts, name].join("/"));
  }

  async function writeFile(node: ImageNode, path: Buffer): Promise<void> {
    const descriptor = openSync(path, CREATE, 0o600);
    try {
      for await (const piece of node.pieces()) for (let at = 0; at < piece.length;) at += writeSync(descriptor, piece, at);
      finish(node, descriptor);
    } finally {
      closeSync(descriptor);
    }
  }

  /** Owner before mode: a change of owner takes the set-user-ID bit away. */
  function finish({ uid, gid, mode, mtime, implied, type }: ImageNode, descriptor: number): void {
    if (options.preserve && implied !== true) fchownSync(descriptor, uid, gid);
    const kept = options.preserve ? 0o7777 : type === "directory" ? 0o1777 : 0o777;
    fchmodSync(descriptor, mode & kept);
    if (implied !== true) futimesSync(descriptor, mtime, mtime);
  }

  function hardLink(other: string[], parts: string[], name: string): void {
    const aside = new SafeDirectory(target);
    try {
      linkSync(aside.entry(other.slice(0, -1), other.at(-1) ?? ""), directory.entry(parts, name));
    } finally {
      aside.close();
    }
  }
}

/** What to say with the path that it happened at; what was written stays. */
async function named(node: ImageNode, target: string, write: () => unknown): Promise<void> {
  try {
    await write();
  } catch (cause) {
    if (cause instanceof MkinitrdError) throw cause;
    const exists = (cause as NodeJS.ErrnoException).code === "EEXIST";
    throw new MkinitrdError({
      tried: `extracting ${JSON.stringify(node.path)}`, on: target, cause,
      found: exists ? "something stands there already" : describeIoError(cause),
      next: exists ? "extract into an empty directory" : "what was extracted before is still there",
    });
  }
}

/** Takes away a file or a link; a directory is left, and is an error then. */
function clear(path: Buffer): void {
  try {
    unlinkSync(path);
  } catch (cause) {
    if (!["ENOENT", "EISDIR", "EPERM"].includes((cause as NodeJS.ErrnoException).code ?? "")) throw cause;
  }
}

function isSpecial({ type }: ImageNode): boolean {
  return type === "node" || type === "block" || type === "pipe";
}

/** Node has no mknod(2): the program gets the directory by our descriptor. */
async function makeNode({ type, mode, major, minor }: ImageNode, descriptor: number, name: string): Promise<void> {
  const letter = type === "block" ? "b" : type === "pipe" ? "p" : "c";
  const numbers = letter === "p" ? [] : [String(major ?? 0), String(minor ?? 0)];
  await exec("mknod", [`--mode=${(mode & 0o777).toString(8)}`, "--", `/proc/${process.pid}/fd/${descriptor}/${name}`, letter, ...numbers]);
}
