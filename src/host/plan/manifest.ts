import { MkinitrdError } from "../../core/errors.ts";
import { reasonChain, subjectOf, type ScriptCauses } from "./chain.ts";
import type { ImageConfig } from "./facts.ts";
import { hashPaths, type Manifest, MANIFEST_PATH } from "./manifest-format.ts";
import type { ChosenScripts } from "./scripts.ts";
import type { Entry, PlannedLayer, Reason } from "./types.ts";

/** The layers with the manifest among the site layer's entries: what `mkinitrd why` reads. */
export function withManifest(layers: readonly PlannedLayer[], chosen: Pick<ChosenScripts, "scripts" | "stages">, config: Pick<ImageConfig, "realroots">): PlannedLayer[] {
  const other = layers.flatMap(({ entries }) => entries).find(({ path }) => path === MANIFEST_PATH);
  if (other !== undefined) throw new MkinitrdError({ tried: `adding /${MANIFEST_PATH} to the image`, on: other.reason, found: "the image's own manifest has this path", next: "choose another path, or build without it: manifest: false" });
  const placed = layers.map((layer) => (layer.name === "site" ? { ...layer, entries: [...layer.entries, manifestEntry(Buffer.alloc(0))].sort((a, b) => (a.path < b.path ? -1 : 1)) } : layer));
  const manifest = planManifest(placed, chosen, config);
  const entry = manifestEntry(Buffer.from(`${JSON.stringify(manifest)}\n`));
  return placed.map((layer) => ({ ...layer, entries: layer.entries.map((each) => (each.path === MANIFEST_PATH ? entry : each)) }));
}

function manifestEntry(bytes: Buffer): Entry {
  return { path: MANIFEST_PATH, mode: 0o644, reason: "what mkinitrd why reads", type: "file", from: { bytes } };
}

/** Why each entry of the layers is there. */
export function planManifest(layers: readonly PlannedLayer[], { scripts, stages }: Pick<ChosenScripts, "scripts" | "stages">, { realroots }: Pick<ImageConfig, "realroots">): Manifest {
  const labels: string[] = [];
  const behind: number[] = [];
  const known = new Map<string, number>();
  const modules = new Map(layers.flatMap(({ entries }) => entries).filter(({ path }) => path.endsWith(".ko")).map(({ path, reason }) => [subjectOf(path), reason]));
  const causes: ScriptCauses = ({ header, origin }) => {
    if (origin === "configuration") return ["scripts: of the configuration"];
    const served = header.keyword.filter((kind) => realroots.includes(kind));
    const staged = header.keyword.filter((kind) => stages.some((stage) => stage.kind === kind));
    if (staged.length > 0) return [`realroot: ${staged.join(", ")}`];
    return [served.length > 0 ? `realroots: ${served.join(", ")}` : "boot steps"];
  };
  return {
    version: 1, labels, behind,
    layers: layers.map(({ name, entries }) => ({ name, paths: hashPaths(entries.map(({ path }) => path)), causes: entries.map(causesOf) })),
  };

  function causesOf(entry: Entry): number | number[] {
    const all = [...new Set([entry.reason, ...(entry.also ?? [])].map((reason) => causeOf(entry, reason)))];
    return all.length === 1 ? all[0]! : all;
  }

  function causeOf(entry: Entry, reason: Reason): number {
    const module = modules.get(/^firmware of ([^,]+)$/.exec(reason)?.[1] ?? ""); // firmware names its module alone
    const chain = reasonChain(entry, module === undefined ? reason : `${reason}, ${module}`, scripts, causes);
    return chain.reduce((cause, label) => intern(label, cause), -1);
  }

  function intern(label: string, cause: number): number {
    const key = `${cause} ${label}`;
    const index = known.get(key) ?? labels.push(label) - 1;
    known.set(key, index);
    behind[index] = cause;
    return index;
  }
}
