import { printableLine } from "../quote.ts";
import { formatSize } from "./describe.ts";
import type { Volume } from "./types.ts";

/** The volumes as a tree, a row for each, what lies on a volume under it: `└─/dev/vda2  1 GiB  crypto_LUKS "cryptlvm"`. */
export function volumeTree(volumes: Volume[]): string[] {
  const roots = volumes.filter((volume) => lowerVolumes(volume, volumes).length === 0);
  const rows: string[] = [];
  const seen = new Set<Volume>();
  const add = (volume: Volume, mark: string, indent: string) => {
    if (seen.has(volume)) return; // an array or a group lies on several
    seen.add(volume);
    rows.push(`${mark}${describe(volume)}`);
    const upper = volumes.filter((other) => lowerVolumes(other, volumes)[0] === volume);
    upper.forEach((other, index) => {
      const isLast = index === upper.length - 1;
      add(other, `${indent}${isLast ? "└─" : "├─"}`, `${indent}${isLast ? "  " : "│ "}`);
    });
  };
  for (const root of roots) add(root, "", "");
  return rows;
}

/** The volumes that this one lies on, as far as they are known: its disk, its members, the group's physical volumes. */
export function lowerVolumes(volume: Volume, volumes: Volume[]): Volume[] {
  const { below, lv, md, name, parent } = volume;
  const paths = lv?.devices ?? md?.members ?? below ?? [];
  return volumes.filter((other) => other !== volume && (other.name === parent || (other.path !== undefined && paths.includes(other.path)) || paths.includes(other.name)) && other.name !== name);
}

function describe({ content, lv, md, name, partition, sizeBytes }: Volume): string {
  const label = content?.label ?? partition?.partLabel;
  const inactive = (lv !== undefined && !lv.active) || (md !== undefined && !md.active);
  return [
    printableLine(name),
    sizeBytes === 0 ? "" : formatSize(sizeBytes),
    content?.type ?? "",
    label === undefined ? "" : `"${printableLine(label)}"`,
    inactive ? "(not active)" : "",
  ].filter((word) => word !== "").join("  ");
}
