import type { OpenedImage } from "./open.ts";
import type { ImageNode } from "./tree-types.ts";
import type { Reasons } from "./why.ts";

/** A part of an image and what it takes. */
export interface SizePart {
  name: string;
  /** Content of the files in it. */
  bytes: number;
  files: number;
  /** Of an archive: what it takes in the image, and with its headers when it is unpacked. */
  packedBytes?: number;
  unpackedBytes?: number;
  format?: string;
  /** Largest first. */
  parts: SizePart[];
}

/**
 * What takes how much of an image: its archives, and in each what its files are there for, or where there are no reasons the directories that
 * they lie in. A file with several paths counts once, one that a later archive replaced not at all.
 */
export function sizeTree({ file, archives, tree }: OpenedImage, reasons: Reasons | undefined, by: "reason" | "directory"): SizePart {
  const parts = archives.map(({ format, packedBytes, unpackedBytes }, index): SizePart => {
    const layer = reasons?.layerOf(index)?.name;
    return { name: layer ?? `archive ${index + 1}`, format, packedBytes, unpackedBytes, bytes: 0, files: 0, parts: [] };
  });
  const whole: SizePart = { name: file, bytes: 0, files: 0, packedBytes: sum(archives, "packedBytes"), unpackedBytes: sum(archives, "unpackedBytes"), parts };
  const known: Known = new Map();
  const counted = new Set<Set<string>>();
  for (const node of tree.nodes) {
    if (node.type !== "file" || counted.has(node.paths)) continue;
    counted.add(node.paths);
    const archive = parts[node.archive];
    if (archive === undefined) continue;
    for (const part of [whole, archive, ...descend(known, archive, by === "reason" ? causesOf(node, reasons) : node.path.split("/"))]) {
      part.bytes += node.sizeBytes;
      part.files++;
    }
  }
  for (const part of parts) sortParts(part);
  return whole;
}

/** The first chain of reasons, the file itself at its end; a directory's parts where there is none. */
function causesOf(node: ImageNode, reasons: Reasons | undefined): string[] {
  return reasons?.explain(node)?.chains[0] ?? node.path.split("/");
}

/** The parts of each part by name: an image has directories of thousands of files. */
type Known = Map<SizePart, Map<string, SizePart>>;

function descend(known: Known, from: SizePart, names: readonly string[]): SizePart[] {
  let part = from;
  return names.map((name) => {
    const byName = known.get(part) ?? new Map<string, SizePart>();
    known.set(part, byName);
    const found = byName.get(name);
    const next = found ?? { name, bytes: 0, files: 0, parts: [] };
    if (found === undefined) {
      part.parts.push(next);
      byName.set(name, next);
    }
    part = next;
    return next;
  });
}

function sortParts(part: SizePart): void {
  part.parts.sort((a, b) => b.bytes - a.bytes || (a.name < b.name ? -1 : 1));
  for (const each of part.parts) sortParts(each);
}

function sum(archives: OpenedImage["archives"], key: "packedBytes" | "unpackedBytes"): number {
  return archives.reduce((total, archive) => total + archive[key], 0);
}
