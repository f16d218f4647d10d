import { posix } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import { directory } from "./paths.ts";
import type { Entry, LayerName, PlannedLayer } from "./types.ts";

/**
 * Makes layers that can be written: sorted, each path once (in the first layer that has it), every parent directory there.
 * A path that lies behind a link is moved to where the link leads. Throws when two entries of one path differ.
 */
export function mergeLayers(layers: readonly PlannedLayer[]): PlannedLayer[] {
  const links = new Map(layers.flatMap(({ entries }) => entries).flatMap((entry) => (entry.type === "link" ? [[entry.path, entry.target]] : [])));
  const taken = new Map<string, { entry: Entry; layer: LayerName }>();
  const merged = layers.map(({ name, entries }) => ({ name, entries: entries.map((entry) => ({ ...entry, path: behindLinks(entry.path, links) })).filter((entry) => take(entry, name)) }));
  return merged.map(({ name, entries }) => {
    const parents = entries.flatMap((entry) => parentsOf(entry).filter((parent) => take(parent, name)));
    return { name, entries: [...entries, ...parents].sort((a, b) => (a.path < b.path ? -1 : 1)) };
  });

  /** Whether the entry is the first of its path. */
  function take(entry: Entry, layer: LayerName): boolean {
    checkPath(entry);
    const other = taken.get(entry.path);
    if (other === undefined) {
      taken.set(entry.path, { entry, layer });
      return true;
    }
    if (same(entry, other.entry)) {
      if (entry.reason !== other.entry.reason && entry.reason !== PARENT) other.entry.also = [...(other.entry.also ?? []), entry.reason];
      return false;
    }
    throw new MkinitrdError({
      tried: `planning /${entry.path}`,
      on: layer === other.layer ? `the layer ${layer}` : `the layers ${other.layer} and ${layer}`,
      found: `two contents for one path: ${describe(other.entry)}, and ${describe(entry)}`,
      next: "give one of them another path, or leave it out",
    });
  }
}

/** A parent directory never argues with one that was planned with a mode of its own. */
function parentsOf(entry: Entry): Entry[] {
  const parts = entry.path.split("/").slice(0, -1);
  return parts.map((_, index) => directory(parts.slice(0, index + 1).join("/"), PARENT));
}
const PARENT = "holds other entries";

function same(a: Entry, b: Entry): boolean {
  if (a.type === "directory" && b.type === "directory") return a.mode === b.mode || a.reason === PARENT || b.reason === PARENT;
  if (a.type === "link" && b.type === "link") return resolved(a.path, a.target) === resolved(b.path, b.target);
  if (a.type !== "file" || b.type !== "file" || a.mode !== b.mode) return false;
  if ("file" in a.from && "file" in b.from) return a.from.file === b.from.file;
  return "bytes" in a.from && "bytes" in b.from && a.from.bytes.equals(b.from.bytes);
}

/** Two ways to write one target are the same link. */
function resolved(path: string, target: string): string {
  return posix.resolve("/", posix.dirname(path), target);
}

function behindLinks(path: string, links: Map<string, string>): string {
  const parts = path.split("/");
  for (let count = 1, steps = 0; count < parts.length && steps < 40; count++) {
    const parent = parts.slice(0, count).join("/");
    const target = links.get(parent);
    if (target === undefined) continue;
    const moved = resolved(parent, target).slice(1).split("/");
    parts.splice(0, count, ...moved);
    count = 0;
    steps++;
  }
  return parts.join("/");
}

function checkPath({ path }: Entry): void {
  const valid = path !== "" && !path.includes("\0") && path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
  if (!valid) throw new MkinitrdError({ tried: "planning the image", on: JSON.stringify(path), found: "it is no path inside of an image" });
}

function describe(entry: Entry): string {
  if (entry.type === "link") return `a link to ${entry.target} (${entry.reason})`;
  if (entry.type !== "file") return `a ${entry.type} with mode ${entry.mode.toString(8)} (${entry.reason})`;
  return `${"file" in entry.from ? entry.from.file : "a text of the plan"} with mode ${entry.mode.toString(8)} (${entry.reason})`;
}
