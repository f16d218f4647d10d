import { SECTOR_BYTES, window } from "../binary/source.ts";
import type { Source } from "../binary/source.ts";
import { MkinitrdError } from "../errors.ts";
import { chunkedSource } from "./chunks.ts";
import type { Device, Span } from "./device.ts";
import type { TableWords } from "./table-words.ts";

/**
 * dm-striped: chunk after chunk, each on the next stripe. Sectors are 512 bytes. Linux
 * Documentation/admin-guide/device-mapper/striped.rst.
 */
export interface Striped extends Span {
  chunkSectors: number;
  stripes: { device: Device; deviceSector: number }[];
}

/** The target's line of a table, as `dmsetup create` takes it. */
export function stripedLine(target: Striped): string {
  const { startSector, lengthSectors, chunkSectors, stripes } = target;
  const devices = stripes.map(({ device, deviceSector }) => `${device.path} ${deviceSector}`).join(" ");
  return `${startSector} ${lengthSectors} striped ${stripes.length} ${chunkSectors} ${devices}`;
}

/**
 * The target's bytes, from its own start on. Throws when a device ends before its stripe does, and, as the kernel, when
 * the length is not the same number of whole chunks on each stripe.
 */
export function openStriped(target: Striped): Source {
  const { chunkSectors, lengthSectors, stripes } = target;
  const name = stripes.map(({ device }) => device.source.name).join(" + ");
  if (stripes.length === 0 || chunkSectors <= 0 || lengthSectors % (stripes.length * chunkSectors) !== 0) {
    const found = `${lengthSectors} sectors in chunks of ${chunkSectors} on ${stripes.length} stripes`;
    throw new MkinitrdError({ tried: "opening a striped target", on: name || "no device", found });
  }
  const stripeBytes = (lengthSectors / stripes.length) * SECTOR_BYTES;
  const legs = stripes.map(({ device, deviceSector }) => window(device.source, deviceSector * SECTOR_BYTES, stripeBytes));
  return chunkedSource(name, lengthSectors * SECTOR_BYTES, chunkSectors * SECTOR_BYTES, (chunk, within, length) => {
    const row = Math.floor(chunk / legs.length);
    return legs[chunk % legs.length]!.read(row * chunkSectors * SECTOR_BYTES + within, length);
  });
}

/** Reads what stands behind `striped`. */
export function parseStriped(span: Span, words: TableWords): Striped {
  const count = words.number("the number of stripes", 1);
  const chunkSectors = words.number("the chunk", 1);
  const stripes: Striped["stripes"] = [];
  while (stripes.length < count) stripes.push({ device: words.device(`stripe ${stripes.length}`), deviceSector: words.number(`the sector of stripe ${stripes.length}`) });
  return { ...span, chunkSectors, stripes };
}
