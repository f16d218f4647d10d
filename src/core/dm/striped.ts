import { checkRange, SECTOR_BYTES, window } from "../binary/source.ts";
import type { Source } from "../binary/source.ts";
import { MkinitrdError } from "../errors.ts";
import type { Device } from "./device.ts";

/**
 * dm-striped: chunk after chunk, each on the next stripe. Sectors are 512 bytes. Linux
 * Documentation/admin-guide/device-mapper/striped.rst.
 */
export interface Striped {
  startSector: number;
  lengthSectors: number;
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
  return {
    name,
    sizeBytes: lengthSectors * SECTOR_BYTES,
    async read(offsetBytes, lengthBytes) {
      checkRange(this, offsetBytes, lengthBytes);
      const parts = splitAtChunks(offsetBytes, lengthBytes, chunkSectors * SECTOR_BYTES, legs);
      return Buffer.concat(await Promise.all(parts));
    },
  };
}

/** The read of each chunk that the range touches, in order. */
function splitAtChunks(offsetBytes: number, lengthBytes: number, chunkBytes: number, legs: Source[]): Promise<Buffer>[] {
  const parts: Promise<Buffer>[] = [];
  for (let at = offsetBytes; at < offsetBytes + lengthBytes; ) {
    const chunk = Math.floor(at / chunkBytes);
    const within = at % chunkBytes;
    const size = Math.min(chunkBytes - within, offsetBytes + lengthBytes - at);
    const legOffset = Math.floor(chunk / legs.length) * chunkBytes + within;
    const leg = legs[chunk % legs.length];
    if (leg !== undefined) parts.push(leg.read(legOffset, size));
    at += size;
  }
  return parts;
}
