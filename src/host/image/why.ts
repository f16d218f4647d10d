import { MkinitrdError } from "../../core/errors.ts";
import { subjectOf } from "../plan/chain.ts";
import { chainOf, hashPaths, MANIFEST_PATH, parseManifest, type ManifestLayer } from "../plan/manifest-format.ts";
import { contentOf, type OpenedImage } from "./open.ts";
import type { ImageNode } from "./tree-types.ts";

/** Why one path is in an image. */
export interface Explanation {
  path: string;
  layer: string;
  /** The first cause first, the path's own part last; several where several asked for it. */
  chains: string[][];
  /** Where a link leads. */
  target?: string;
}

/** What an image of ours says of its entries. */
export interface Reasons {
  /** Undefined for what came into the image later. */
  explain(node: ImageNode): Explanation | undefined;
  /** The layer that an archive is; undefined for one that came into the image later. */
  layerOf(archive: number): ManifestLayer | undefined;
}

const RELATIONS = ["MODULES", "PROGRAMS", "LIBRARIES", "needs", "dependency", "softdep", "weak dependency", "firmware", "interpreter", "applet", "library", "dynamic linker"];

/** The reasons that an image holds; undefined for an image of another tool, or one without a manifest. */
export async function readReasons({ archives, tree }: OpenedImage): Promise<Reasons | undefined> {
  const file = tree.find(MANIFEST_PATH);
  const manifest = file === undefined ? undefined : parseManifest((await contentOf(file)).toString());
  if (manifest === undefined) return undefined;
  const layers = archives.map(({ parts }) => {
    const paths = parts.flat().map(({ path }) => path);
    const hash = hashPaths(paths);
    const layer = manifest.layers.find((each) => each.paths === hash && each.causes.length === paths.length);
    return layer === undefined ? undefined : { layer, causes: new Map(paths.map((path, index) => [path, layer.causes[index] ?? []])) };
  });
  return {
    layerOf: (archive) => layers[archive]?.layer,
    explain(node) {
      const found = layers[node.archive];
      const causes = found?.causes.get(node.path);
      if (found === undefined || causes === undefined) return undefined;
      const chains = [causes].flat().map((cause) => named(chainOf(manifest, cause), node.path));
      return { path: node.path, layer: found.layer.name, chains, ...(node.target === undefined ? {} : { target: node.target }) };
    },
  };
}

/** The reasons, or the error that says why there are none. */
export async function requireReasons(image: OpenedImage): Promise<Reasons> {
  const reasons = await readReasons(image);
  if (reasons !== undefined) return reasons;
  throw new MkinitrdError({
    tried: "reading the manifest", on: image.file,
    found: `the image has no /${MANIFEST_PATH} that this version reads: another tool made it, or it was built with manifest: false`,
    next: "build it with mkinitrd; ls, cat, extract, size and diff work without a manifest",
  });
}

/** The chain with the entry's own name at its end, which the manifest leaves out. */
function named(chain: string[], path: string): string[] {
  const [last = "", subject] = [chain.at(-1), subjectOf(path)];
  return RELATIONS.includes(last) ? [...chain.slice(0, -1), `${last} ${subject}`] : [...chain, subject];
}
