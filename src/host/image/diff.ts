import { createHash } from "node:crypto";
import { subjectOf } from "../plan/chain.ts";
import type { OpenedImage } from "./open.ts";
import type { ImageNode } from "./tree-types.ts";

/** A path that one image has and the other has not, or has otherwise. */
export interface Difference {
  /** `+` only the second image has it, `-` only the first, `~` both, and they differ. */
  sign: "+" | "-" | "~";
  kind: "file" | "module" | "library";
  /** As the image has it that has it; the second where both do. */
  path: string;
  /** Of `~`, what differs: `mode 0755 → 0700`. */
  changes: string[];
  /** Change of the content's size. */
  bytes: number;
}

const MODULES = /^((?:usr\/)?lib\/modules\/)([^/]+)(\/|$)/;

/** The differences of what the kernel makes of two images, by path. Modules of different kernel releases are compared by what stands behind the release. */
export async function diffImages(a: OpenedImage, b: OpenedImage): Promise<Difference[]> {
  const differences: Difference[] = [];
  const [ours, theirs] = [keyed(a), keyed(b)];
  for (const [key, node] of ours) {
    const other = theirs.get(key);
    if (other === undefined) differences.push({ sign: "-", kind: kindOf(node), path: node.path, changes: [], bytes: -contentBytes(node) });
    else {
      const changes = await changesOf(node, other);
      if (changes.length > 0) differences.push({ sign: "~", kind: kindOf(other), path: other.path, changes, bytes: contentBytes(other) - contentBytes(node) });
    }
  }
  for (const [key, node] of theirs) if (!ours.has(key)) differences.push({ sign: "+", kind: kindOf(node), path: node.path, changes: [], bytes: contentBytes(node) });
  return differences.sort((x, y) => (x.path < y.path ? -1 : 1));
}

/** Kernel releases that an image has modules of. */
export function releasesOf({ tree }: OpenedImage): string[] {
  return [...new Set(tree.nodes.flatMap(({ path }) => MODULES.exec(path)?.[2] ?? []))].sort();
}

/** By path, the only kernel release in it left open. */
function keyed(image: OpenedImage): Map<string, ImageNode> {
  const isOne = releasesOf(image).length === 1;
  return new Map(image.tree.nodes.map((node) => [isOne ? node.path.replace(MODULES, "$1*$3") : node.path, node]));
}

async function changesOf(a: ImageNode, b: ImageNode): Promise<string[]> {
  if (a.type !== b.type) return [`${a.type} → ${b.type}`];
  const said = (what: string, of: (node: ImageNode) => string) => (of(a) === of(b) ? [] : [`${what} ${of(a)} → ${of(b)}`]);
  const changes = [
    ...(a.type === "link" ? [] : said("mode", ({ mode }) => mode.toString(8).padStart(4, "0"))),
    ...said("owner", ({ uid, gid }) => `${uid}:${gid}`),
    ...said("device", ({ major, minor }) => `${major ?? 0}:${minor ?? 0}`),
    ...said("target", ({ target }) => target ?? ""),
  ];
  if (a.type !== "file") return changes;
  if (a.sizeBytes !== b.sizeBytes) return [...changes, `content, ${a.sizeBytes} → ${b.sizeBytes} bytes`];
  return (await digest(a)) === (await digest(b)) ? changes : [...changes, `content, ${a.sizeBytes} bytes`];
}

async function digest(node: ImageNode): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of node.pieces()) hash.update(piece);
  return hash.digest("hex");
}

function kindOf({ path, type }: ImageNode): Difference["kind"] {
  if (/\.ko(\.(xz|zst|gz))?$/.test(path)) return "module";
  return type !== "directory" && /\.so(\.[0-9.]+)?$/.test(path) ? "library" : "file";
}

function contentBytes({ type, sizeBytes }: ImageNode): number {
  return type === "file" ? sizeBytes : 0;
}

/** What a person calls it: a module and a library by name. */
export function nameOf({ kind, path }: Difference): string {
  return kind === "module" ? subjectOf(path.replace(/\.(xz|zst|gz)$/, "")) : path;
}
