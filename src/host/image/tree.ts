import { MkinitrdError } from "../../core/errors.ts";
import { decodeName } from "../../core/formats/newc-name.ts";
import { quote } from "../../core/quote.ts";
import type { ImageArchive, ImageMember } from "./read.ts";
import type { ImageInode, ImageNode, ImageTree, TreeProblem } from "./tree-types.ts";
import { partsOf, walk } from "./walk.ts";

const LINK_TARGET_MOST = 4096; // PATH_MAX
const DEEPEST = 256;

/**
 * What the kernel makes of an image's archives, one after the other: a later member stands in for an earlier one of its path, links among
 * the directories of a path are followed, members of one inode number are one file. init/initramfs.c, do_name, do_copy, maybe_link.
 */
export async function imageTree(archives: readonly ImageArchive[], file: string): Promise<ImageTree> {
  const inodes = new Map<string, ImageInode>([["", impliedDirectory("", 0)]]);
  const children = new Map<string, number>();
  const problems: TreeProblem[] = [];
  for (const [index, { parts }] of archives.entries()) {
    for (const members of parts) {
      const linked = new Map<string, string>(); // inode number and type → path
      for (const member of members) await place(member, index, linked);
    }
  }
  const nodes = [...inodes].map(([path, inode]): ImageNode => ({ ...inode, path: path === "" ? "." : path }));
  const byPath = new Map(nodes.map((node) => [node.path, node]));
  const root = byPath.get(".");
  return {
    nodes: nodes.filter(({ path }) => path !== "." || root?.implied !== true).sort((a, b) => (a.path < b.path ? -1 : 1)),
    problems,
    at: (path) => lookUp(path, "keep"),
    find: (path) => lookUp(path, "follow"),
  };

  function lookUp(path: string, last: "keep" | "follow"): ImageNode | undefined {
    const walked = walk(inodes, partsOf(path), last);
    return "stopped" in walked ? undefined : byPath.get(walked.path || ".");
  }

  async function place(member: ImageMember, archive: number, linked: Map<string, string>): Promise<void> {
    const refuse = (found: string, escapes = false) => void problems.push({ path: member.path, found, escapes });
    if (member.type === "other") return refuse("it is of no type that the kernel knows");
    const path = locate(member, archive, refuse);
    if (path === undefined) return;
    const key = `${member.device}:${member.inode}:${member.type}`;
    const isLinked = member.links >= 2 && member.type !== "directory" && member.type !== "link";
    const first = isLinked ? linked.get(key) : undefined;
    if (isLinked && first === undefined) linked.set(key, path);
    const isReplaced = first !== undefined || member.type === "link" || inodes.get(path)?.type !== member.type;
    if (isReplaced && !remove(path)) return refuse("a directory that holds something stands there already");
    if (first !== undefined) {
      const other = inodes.get(first);
      if (other !== undefined && other.type !== "directory") {
        other.paths.add(path);
        insert(path, other);
      }
      if (other?.type !== member.type) return refuse("it is a hard link to itself, or to what was replaced");
    }
    const inode = inodes.get(path);
    if (inode === undefined) insert(path, await newInode(member, archive, path, file));
    else update(inode, member, archive, first !== undefined);
  }

  /** The path that the kernel would write to; undefined where there is none. What a path needs above it is made. */
  function locate({ path }: ImageMember, archive: number, refuse: (found: string, escapes?: boolean) => void): string | undefined {
    const parts = partsOf(path);
    if (path.startsWith("/")) refuse("it is an absolute path", true);
    if (parts.includes("..")) refuse("it has .. in it", true);
    if (parts.length > DEEPEST) return refuse(`it is more than ${DEEPEST} directories deep`) as undefined;
    const walked = walk(inodes, parts, "keep");
    if (walked.climbs && walked.links.length > 0) refuse(`the link ${quote(walked.links.at(-1) ?? "")}, which it lies behind, leads above the root`, true);
    if (!("stopped" in walked)) return walked.path;
    const { stopped, at, rest, links } = walked;
    const place = quote(at);
    if (stopped === "circle") return refuse(`links go in a circle at ${place}`, true) as undefined;
    if (stopped === "no directory") return refuse(`${place} is no directory`) as undefined;
    if (links.length > 0) return refuse(`the link ${quote(links.at(-1) ?? "")}, which it lies behind, leads to ${place}, which the image does not have`, true) as undefined;
    if (rest.includes("..")) return undefined; // said already
    refuse(`the image has no directory ${place}: the kernel makes none by itself, and leaves this out`);
    let directory = at;
    for (const part of rest) {
      insert(directory, impliedDirectory(directory, archive));
      directory = `${directory}/${part}`;
    }
    return directory;
  }

  function insert(path: string, inode: ImageInode): void {
    if (!inodes.has(path)) children.set(parentOf(path), (children.get(parentOf(path)) ?? 0) + 1);
    inodes.set(path, inode);
  }

  /** Whether nothing stands at the path any more. */
  function remove(path: string): boolean {
    const inode = inodes.get(path);
    if (inode === undefined) return true;
    if (path === "" || (children.get(path) ?? 0) > 0) return false;
    inodes.delete(path);
    inode.paths.delete(path);
    children.set(parentOf(path), (children.get(parentOf(path)) ?? 1) - 1);
    return true;
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

function impliedDirectory(path: string, archive: number): ImageInode {
  return { type: "directory", mode: 0o755, uid: 0, gid: 0, mtime: 0, sizeBytes: 0, archive, paths: new Set([path]), implied: true, async *pieces() {} };
}

async function newInode(member: ImageMember, archive: number, path: string, file: string): Promise<ImageInode> {
  const { mode, uid, gid, mtime, major, minor } = member;
  const type = member.type as ImageInode["type"];
  const target = type === "link" ? await readTarget(member, file) : undefined;
  return {
    type, mode, uid, gid, mtime, archive, paths: new Set([path]),
    sizeBytes: type === "file" || type === "link" ? member.sizeBytes : 0,
    pieces: type === "file" ? () => member.pieces() : async function* () {},
    ...(major === undefined || minor === undefined ? {} : { major, minor }),
    ...(target === undefined ? {} : { target }),
  };
}

/** What stands there keeps its content where the new member is a hard link to it without one. */
function update(inode: ImageInode, member: ImageMember, archive: number, isHardLink: boolean): void {
  const { mode, uid, gid, mtime, sizeBytes } = member;
  Object.assign(inode, { mode, uid, gid, mtime, archive });
  delete inode.implied;
  if (inode.type !== "file" || (sizeBytes === 0 && isHardLink)) return;
  Object.assign(inode, { sizeBytes, pieces: () => member.pieces() });
}

async function readTarget(member: ImageMember, file: string): Promise<string> {
  const bytes = member.sizeBytes <= LINK_TARGET_MOST ? await member.read() : Buffer.alloc(0);
  const end = bytes.indexOf(0); // where the kernel's string ends
  const target = end === -1 ? bytes : bytes.subarray(0, end);
  if (target.length > 0) return decodeName(target);
  throw new MkinitrdError({ tried: "reading the image", on: `the link ${quote(member.path)} of ${file}`, found: `its target has ${member.sizeBytes} bytes; 1 to ${LINK_TARGET_MOST} are possible` });
}
