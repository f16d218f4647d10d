import { SECTOR_BYTES } from "../../core/binary/source.ts";
import { tableLines } from "../../core/dm/table-text.ts";
import { MkinitrdError } from "../../core/errors.ts";
import type { LvTable } from "../../core/volumes/lvm-targets.ts";
import { mapperName } from "../../core/volumes/lvm-names.ts";
import { lowerVolumes } from "../../core/volumes/tree.ts";
import type { Volume } from "../../core/volumes/types.ts";
import type { WholeSurvey } from "./survey.ts";

/** A device-mapper device, by its name, and the lines of its table without that name. */
export interface DeviceTable {
  name: string;
  lines: string[];
}

/**
 * The tables that make a volume, those that it lies on first, in an order in which `dmsetup create` can take them. `luks` are the tables of
 * opened LUKS volumes. Partitions of an image file have a table, too, since the kernel has no node for them. Throws for what device-mapper
 * does not make.
 */
export function volumeTables(volume: Volume, { groups, volumes }: WholeSurvey, luks: readonly LvTable[], options: { showKeys: boolean }): DeviceTable[] {
  const lower = lowerVolumes(volumes);
  const tables: LvTable[] = [];
  const seen = new Set<Volume>();
  const add = (each: Volume): void => {
    if (seen.has(each)) return;
    seen.add(each);
    for (const below of lower(each)) add(below);
    tables.push(...ownTables(each));
  };
  add(volume);
  const nodes = new Map(volumes.filter(({ layer, path }) => layer === "partition" && path === undefined).map(({ name }) => [name, `/dev/mapper/${partitionName(name)}`]));
  return tables.map(({ name, targets }) => ({ name, lines: tableLines(targets, options).map((line) => line.split(" ").map((word) => nodes.get(word) ?? word).join(" ")) }));

  function ownTables({ layer, lv, name, parent, partition, path, sizeBytes }: Volume): LvTable[] {
    if (layer === "array") throw new MkinitrdError({ tried: "printing its device-mapper tables", on: volume.name, found: `${name} is an md array, which device-mapper does not make`, next: "assemble it with mdadm" });
    if (layer === "mapping") return luks.filter((table) => path === `/dev/mapper/${table.name}`);
    if (lv !== undefined) {
      const logical = groups.find(({ uuid }) => uuid === lv.vgUuid)?.logicalVolumes.find(({ uuid }) => uuid === lv.lvUuid);
      if (logical?.targets !== undefined) return logical.tables ?? [{ name: mapperName(lv.vg, lv.lv), targets: logical.targets }];
      throw new MkinitrdError({ tried: "printing its device-mapper tables", on: name, found: lv.missingPvs.length > 0 ? `the physical volume ${lv.missingPvs.join(", ")} is not here` : "its kind is not known here", next: lv.missingPvs.length > 0 ? "name the disks that have them, too" : "lvchange -ay makes it, and dmsetup table prints it" });
    }
    const disk = volumes.find((each) => each.name === parent);
    if (layer !== "partition" || path !== undefined || partition?.startBytes === undefined || disk?.source === undefined) return [];
    return [{ name: partitionName(name), targets: [{ type: "linear", startSector: 0, lengthSectors: sizeBytes / SECTOR_BYTES, device: { path: disk.path ?? disk.name, source: disk.source }, deviceSector: partition.startBytes / SECTOR_BYTES }] }];
  }
}

/** Of what libdevmapper takes as it is; libdm/libdm-common.c, _is_whitelisted_char. */
function partitionName(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9#+.:=@_-]/g, "_");
}
