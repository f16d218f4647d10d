import type { BuildReport } from "../image/build.ts";
import type { Proof } from "../prove/prove.ts";

const MIB = 1024 * 1024;

/** The report as a person reads it: a line for each layer, the image, the memory it needs, and notes. */
export function formatReport({ output, unchanged, bytes, kernelRelease, imageId, steps, kinds, layers, memory, notes, proof }: BuildReport & { proof?: Proof }): string {
  const rows = layers.map((layer) => [layer.name, size(layer.bytes), size(layer.unpackedBytes), String(layer.files), layer.cacheHit ? "cached" : "built"]);
  const sum = (pick: (layer: BuildReport["layers"][number]) => number) => layers.reduce((total, layer) => total + pick(layer), 0);
  const total = ["image", size(bytes), size(sum((layer) => layer.unpackedBytes)), String(sum((layer) => layer.files)), ""];
  return [
    ...table([["layer", "packed", "unpacked", "files", ""], ...rows, total]),
    "",
    `${output}: image ${imageId} for kernel ${kernelRelease}${unchanged ? ", as it was: nothing has changed" : ""}`,
    `boot steps: ${steps.join(" → ")}${kinds.length === 0 ? "" : `; realroot kinds: ${kinds.join(", ")}`}`,
    `needs ${Math.ceil(memory.bytes / MIB)} MiB of RAM`,
    ...(proof === undefined ? [] : [`tested: it booted in ${proof.seconds.toFixed(0)} s (${proof.accelerator}, ${proof.bus} disks), and its root said: ${proof.witness}`]),
    ...(memory.warning === undefined ? [] : [`warning: ${memory.warning}`]),
    ...[...notes, ...(proof?.notes ?? [])].map((note) => `note: ${note}`),
  ].join("\n");
}

/** The first column to the left, numbers to the right. */
function table(rows: string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows.map((row) => row.map((cell, column) => (column === 0 || column === 4 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join("  ").trimEnd());
}

/** Small ones in KiB, so that no layer shows as nothing. */
function size(bytes: number): string {
  return bytes < MIB ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / MIB).toFixed(1)} MiB`;
}
