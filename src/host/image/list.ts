import { printableLine } from "../../core/quote.ts";
import type { ImageNode, TreeProblem } from "./tree-types.ts";

const TYPE_LETTERS: Record<ImageNode["type"], string> = { file: "-", directory: "d", link: "l", node: "c", block: "b", pipe: "p", socket: "s" };
const MOST_PROBLEMS = 5;

/** A row for each path as `ls -l` has it: mode, links, owner, group, size or device numbers, time (UTC), path. */
export function formatLong(nodes: readonly ImageNode[]): string[] {
  const rows = nodes.map((node) => [formatMode(node), String(node.paths.size), String(node.uid), String(node.gid), sizeOf(node), formatTime(node.mtime)]);
  const widths = [0, 1, 2, 3, 4].map((column) => rows.reduce((most, row) => Math.max(most, (row[column] ?? "").length), 0));
  return rows.map((row, index) => [...row.map((cell, column) => cell.padStart(widths[column] ?? 0)), formatPath(nodes[index]!)].join(" "));
}

/** `-rwsr-xr-x` */
export function formatMode({ type, mode }: Pick<ImageNode, "type" | "mode">): string {
  const triple = (bits: number, special: boolean, letter: string) => {
    const execute = (bits & 1) !== 0;
    return `${(bits & 4) === 0 ? "-" : "r"}${(bits & 2) === 0 ? "-" : "w"}${special ? (execute ? letter : letter.toUpperCase()) : execute ? "x" : "-"}`;
  };
  return TYPE_LETTERS[type] + triple(mode >> 6, (mode & 0o4000) !== 0, "s") + triple(mode >> 3, (mode & 0o2000) !== 0, "s") + triple(mode, (mode & 0o1000) !== 0, "t");
}

/** What `--json` prints of a path. */
export function nodeJson({ path, type, mode, uid, gid, mtime, sizeBytes, target, major, minor, paths, archive, implied }: ImageNode): object {
  return {
    path, type, mode: mode.toString(8).padStart(4, "0"), uid, gid, mtime, sizeBytes, archive,
    ...(target === undefined ? {} : { target }),
    ...(major === undefined ? {} : { major, minor }),
    ...(paths.size === 1 ? {} : { links: [...paths] }),
    ...(implied === undefined ? {} : { implied }),
  };
}

/** Lines for standard error: what the image has that is not as it should be. */
export function formatProblems(problems: readonly TreeProblem[]): string[] {
  const lines = problems.slice(0, MOST_PROBLEMS).map(({ path, found }) => `warning: ${printableLine(path)}: ${printableLine(found)}`);
  return problems.length > MOST_PROBLEMS ? [...lines, `warning: and ${problems.length - MOST_PROBLEMS} more like these`] : lines;
}

function sizeOf({ type, sizeBytes, major, minor }: ImageNode): string {
  return type === "node" || type === "block" ? `${major ?? 0}, ${minor ?? 0}` : String(sizeBytes);
}

function formatTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ");
}

function formatPath({ path, target }: ImageNode): string {
  return printableLine(target === undefined ? path : `${path} -> ${target}`);
}
