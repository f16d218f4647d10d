import { printableLine } from "../quote.ts";
import { formatSize } from "./describe.ts";
import type { Volume } from "./types.ts";

/** The volumes as a tree, a row for each, what lies on a volume under it: `└─/dev/vda2  1 GiB  crypto_LUKS "cryptlvm"`. */
export function volumeTree(volumes: Volume[]): string[] {
  const lower = lowerVolumes(volumes);
  const upper = new Map<Volume, Volume[]>();
  for (const volume of volumes) {
    const first = lower(volume)[0];
    if (first !== undefined) upper.set(first, [...(upper.get(first) ?? []), volume]);
  }
  const roots = volumes.filter((volume) => lower(volume).length === 0);
  const rows: string[] = [];
  const seen = new Set<Volume>();
  const add = (volume: Volume, mark: string, indent: string) => {
    if (seen.has(volume)) return; // an array or a group lies on several
    seen.add(volume);
    rows.push(`${mark}${describe(volume)}`);
    const above = upper.get(volume) ?? [];
    above.forEach((other, index) => {
      const isLast = index === above.length - 1;
      add(other, `${indent}${isLast ? "└─" : "├─"}`, `${indent}${isLast ? "  " : "│ "}`);
    });
  };
  for (const root of roots) add(root, "", "");
  return rows;
}

/** A function that gives the volumes that one lies on, as far as they are known: its disk, its members, the group's physical volumes. */
export function lowerVolumes(volumes: Volume[]): (volume: Volume) => Volume[] {
  const byPlace = new Map<string, Volume[]>();
  for (const volume of volumes) {
    for (const place of new Set([volume.name, ...(volume.path === undefined ? [] : [volume.path])])) byPlace.set(place, [...(byPlace.get(place) ?? []), volume]);
  }
  return ({ below, lv, md, name, parent }) => {
    const places = [...(parent === undefined ? [] : [parent]), ...(lv?.devices ?? md?.members ?? below ?? [])];
    return [...new Set(places.flatMap((place) => byPlace.get(place) ?? []))].filter((other) => other.name !== name);
  };
}

function describe({ content, lv, md, name, otherTable, partition, sizeBytes }: Volume): string {
  const label = content?.label ?? partition?.partLabel;
  const inactive = (lv !== undefined && !lv.active) || (md !== undefined && !md.active);
  return [
    printableLine(name),
    sizeBytes === 0 ? "" : formatSize(sizeBytes),
    content?.type ?? (otherTable === undefined ? "" : `partition table: ${otherTable}`),
    label === undefined ? "" : `"${printableLine(label)}"`,
    inactive ? "(not active)" : "",
  ].filter((word) => word !== "").join("  ");
}
