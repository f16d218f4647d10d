import type { BuiltLayer } from "../layers/types.ts";

/** What an image of these layers takes on the disk. */
export function packedBytes(layers: readonly Pick<BuiltLayer, "bytes">[]): number {
  return layers.reduce((sum, { bytes }) => sum + bytes, 0);
}
