import { crc32 } from "node:zlib";
import { hex32 } from "../../core/errors.ts";
import type { LayerName } from "./types.ts";

/** Where the manifest lies in an image of ours. */
export const MANIFEST_PATH = "etc/mkinitrd/manifest.json";

/**
 * Why each entry is in the image. A cause is a label with the cause behind it, `-1` for none: `dependency` ← `MODULES dm_crypt` ←
 * `rc.d/crypt.ts` ← `realroots: crypt`. The last label of a chain leaves the entry's own name out, so that many entries share one cause.
 */
export interface Manifest {
  version: 1;
  labels: string[];
  /** Index of the cause behind each label. */
  behind: number[];
  layers: ManifestLayer[];
}

export interface ManifestLayer {
  name: LayerName;
  /** `hashPaths` of its entries: which archive of an image it is. */
  paths: string;
  /** Of each entry, in the archive's order: one cause, or all where several asked for it. */
  causes: (number | number[])[];
}

/** Tells one list of paths from another. */
export function hashPaths(paths: readonly string[]): string {
  return hex32(crc32(paths.join("\n")));
}

/** The manifest that a file of an image holds; undefined when it is none that this version reads. The file may come from anywhere. */
export function parseManifest(text: string): Manifest | undefined {
  const value = parseJson(text) as Partial<Manifest> | undefined;
  if (value?.version !== 1 || !isListOf(value.labels, isText) || !isListOf(value.behind, Number.isInteger) || !Array.isArray(value.layers)) return undefined;
  const count = value.labels.length;
  const isBehind = value.behind.length === count && value.behind.every((behind, index) => behind >= -1 && behind < index); // so that no chain is a circle
  const isCause = (cause: unknown) => Number.isInteger(cause) && Number(cause) >= 0 && Number(cause) < count;
  const isLayer = (layer: Partial<ManifestLayer> | null) => isText(layer?.name) && isText(layer?.paths) && isListOf(layer.causes, (each) => isCause(each) || isListOf(each, isCause));
  return isBehind && value.layers.every(isLayer) ? (value as Manifest) : undefined;
}

/** The labels of a cause, the first one first: `realroots: crypt`, `rc.d/crypt.ts`, `MODULES dm_crypt`, `dependency`. */
export function chainOf({ labels, behind }: Manifest, cause: number): string[] {
  const chain: string[] = [];
  for (let each = cause; each >= 0; each = behind[each] ?? -1) chain.unshift(labels[each] ?? "");
  return chain;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) ?? undefined;
  } catch {
    return undefined;
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isListOf(value: unknown, is: (each: unknown) => boolean): value is unknown[] {
  return Array.isArray(value) && value.every(is);
}
