import { SECTOR_BYTES, window } from "../binary/source.ts";
import type { Source } from "../binary/source.ts";
import type { Device, Span } from "./device.ts";
import { openLegs } from "./mirror-legs.ts";
import type { TableWords } from "./table-words.ts";

/** dm-mirror, as LVM's segment type `mirror` has it. Linux drivers/md/dm-raid1.c, mirror_ctr; lvm2 libdm/libdm-deptree.c. */
export interface Mirror extends Span {
  /** `core`, `disk`, with its arguments as they stand: the size of a region in sectors, for `disk` a device before it. */
  log: string[];
  legs: { device: Device; deviceSector: number }[];
  /** As they stand: `handle_errors`. */
  features: string[];
}

/** The target's line of a table, as `dmsetup create` takes it. */
export function mirrorLine({ features, legs, lengthSectors, log, startSector }: Mirror): string {
  const [type = "core", ...args] = log;
  const devices = legs.map(({ device, deviceSector }) => `${device.path} ${deviceSector}`).join(" ");
  const optional = features.length === 0 ? "" : ` ${features.length} ${features.join(" ")}`;
  return `${startSector} ${lengthSectors} mirror ${[type, args.length, ...args].join(" ")} ${legs.length} ${devices}${optional}`;
}

/** Reads what stands behind `mirror`. */
export function parseMirror(span: Span, words: TableWords): Mirror {
  const log = [words.word("the type of the log"), ...words.counted("arguments of the log")];
  const count = words.number("the number of legs", 1);
  const legs: Mirror["legs"] = [];
  while (legs.length < count) legs.push({ device: words.device(`leg ${legs.length}`), deviceSector: words.number(`the sector of leg ${legs.length}`) });
  return { ...span, log, legs, features: words.options("features") };
}

/** The target's bytes, from the first leg that can be read: where the legs differ, that is the one that counts. */
export function openMirror({ legs, lengthSectors }: Mirror): Source {
  const sizeBytes = lengthSectors * SECTOR_BYTES;
  const windows = legs.map(({ device, deviceSector }) => window(device.source, deviceSector * SECTOR_BYTES, sizeBytes));
  return openLegs(legs.map(({ device }) => device.source.name).join(" = "), sizeBytes, windows);
}
