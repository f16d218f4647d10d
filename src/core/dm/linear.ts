import { SECTOR_BYTES, window } from "../binary/source.ts";
import type { Source } from "../binary/source.ts";
import type { Device, Span } from "./device.ts";
import type { TableWords } from "./table-words.ts";

/** dm-linear: a range of a device. Sectors are 512 bytes. Linux Documentation/admin-guide/device-mapper/linear.rst. */
export interface Linear extends Span {
  device: Device;
  deviceSector: number;
}

/** The target's line of a table, as `dmsetup create` takes it. */
export function linearLine(target: Linear): string {
  return `${target.startSector} ${target.lengthSectors} linear ${target.device.path} ${target.deviceSector}`;
}

/** The target's bytes, from its own start on. Throws when the device ends before the target does. */
export function openLinear(target: Linear): Source {
  const { device, deviceSector, lengthSectors } = target;
  return window(device.source, deviceSector * SECTOR_BYTES, lengthSectors * SECTOR_BYTES, device.source.name);
}

/** Reads what stands behind `linear`. */
export function parseLinear(span: Span, words: TableWords): Linear {
  return { ...span, device: words.device("the device"), deviceSector: words.number("the sector of the device") };
}
