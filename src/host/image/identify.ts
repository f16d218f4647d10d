import type { BootConfig } from "../../core/rc/boot-config.ts";
import type { FileMemo } from "../file-memo.ts";
import { type ContentHash, hashContent, sha256 } from "../layers/hash.ts";
import { BOOT_CONFIG_PATH, bootConfigEntry } from "../plan/boot-layer.ts";
import type { Entry, PlannedLayer } from "../plan/types.ts";

/** A layer as it goes into the image, and the hash of what it holds. */
export interface IdentifiedLayer {
  layer: PlannedLayer;
  content: ContentHash;
}

/** The image's name, a short hash of all that is in it, and the layers with that name in the site layer. */
export async function identify(planned: readonly PlannedLayer[], memo: FileMemo): Promise<{ imageId: string; identified: IdentifiedLayer[] }> {
  const layers = await Promise.all(planned.map(async (layer) => ({ layer, content: await hashContent(layer, memo) })));
  const imageId = sha256(layers.map(({ content }) => content.hash).join("\n")).slice(0, 12);
  const identified = await Promise.all(layers.map(async (each) => {
    if (each.layer.name !== "site") return each;
    const layer = withImageId(each.layer, imageId);
    return { layer, content: await hashContent(layer, memo) };
  }));
  return { imageId, identified };
}

/** The site layer with the image's name in boot.json. */
function withImageId(layer: PlannedLayer, imageId: string): PlannedLayer {
  const entries = layer.entries.map((entry): Entry => {
    if (entry.path !== BOOT_CONFIG_PATH || entry.type !== "file" || !("bytes" in entry.from)) return entry;
    const boot = JSON.parse(entry.from.bytes.toString()) as BootConfig;
    return bootConfigEntry({ ...boot, imageId });
  });
  return { ...layer, entries };
}
