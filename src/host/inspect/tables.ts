import { SECTOR_BYTES } from "../../core/binary/source.ts";
import { tableLines } from "../../core/dm/table-text.ts";
import { MkinitrdError } from "../../core/errors.ts";
import { quote } from "../../core/quote.ts";
import { logicalVolumeOf } from "../../core/volumes/lvm.ts";
import type { LvTable } from "../../core/volumes/lvm-targets.ts";
import { mapperName } from "../../core/volumes/lvm-names.ts";
import { lowerVolumes } from "../../core/volumes/tree.ts";
import type { Volume } from "../../core/volumes/types.ts";
import { nodesOf, renamer } from "./disk-nodes.ts";
import type { WholeSurvey } from "./survey.ts";
import type { OpenedTable } from "./unlock.ts";

/** A device-mapper device, by its name, and the lines of its table without that name. */
export interface DeviceTable {
  name: string;
  lines: string[];
  /** A target above it, or its own, writes even when nobody writes to the volume: such a device can't be a read-only one. */
  written: boolean;
}

export interface TablesOptions {
  showKeys: boolean;
  /** By the name of a disk, the node that it is called in the tables. */
  nodes?: ReadonlyMap<string, string>;
}

/** They keep their own metadata up to date, and open what they lie on for writing; Linux drivers/md/dm-thin.c, dm-cache-target.c, dm-raid.c, dm-log.c. */
const WRITERS = ["thin-pool", "cache", "writecache", "raid", "mirror", "snapshot-merge"];

/** What no read-only device may have; drivers/md/dm-thin.c, DM_TARGET_ALWAYS_WRITEABLE. */
const NEVER_READ_ONLY = ["thin-pool"];

/**
 * The tables that make a volume, those that it lies on first, in an order in which `dmsetup create` can take them. `luks` are the tables of
 * opened LUKS volumes. Partitions of an image file have a table, too, since the kernel has no node for them. Throws for what device-mapper
 * does not make.
 */
export function volumeTables(volume: Volume, { groups, volumes }: WholeSurvey, luks: readonly OpenedTable[], { nodes: asked = new Map(), showKeys }: TablesOptions): DeviceTable[] {
  const lower = lowerVolumes(volumes);
  const nodes = nodesOf(volumes, asked);
  const tables: LvTable[] = [];
  const seen = new Set<Volume>();
  const add = (each: Volume): void => {
    if (seen.has(each)) return;
    seen.add(each);
    for (const below of lower(each)) add(below);
    tables.push(...ownTables(each));
  };
  add(volume);
  if (tables.length === 0) throw unmapped(`it is no device of device-mapper's: it is ${nodes.get(volume.name) ?? volume.path ?? volume.name} itself`, undefined);
  for (const { layer, name, path } of volumes) if (layer === "partition" && path === undefined && !nodes.has(name)) nodes.set(name, `/dev/mapper/${partitionName(name)}`);
  const used = volumes.find(({ name }) => /\s/.test(name) && !nodes.has(name) && [...seen].some((each) => each.name === name));
  if (used !== undefined) throw unmapped(`the name ${quote(used.name)} has a blank, which ends a word of a table`, `say what it will be called: --as ${quote(`${used.name}=/dev/loop0`)}`);
  const rename = renamer(nodes);
  const lines = tables.map(({ name, targets }) => ({ name, lines: tableLines(targets, { showKeys }).map(rename) }));
  const written = new Set<string>();
  for (const [index, { name }] of [...tables.entries()].reverse()) {
    if (!written.has(name) && !tables[index]!.targets.some(({ type }) => WRITERS.includes(type))) continue;
    for (const word of lines[index]!.lines.flatMap((line) => line.split(" "))) if (word.startsWith("/dev/mapper/")) written.add(word.slice("/dev/mapper/".length));
  }
  const isWritten = ({ name, targets }: LvTable): boolean => written.has(name) || targets.some(({ type }) => NEVER_READ_ONLY.includes(type));
  return lines.map((table, index) => ({ ...table, written: isWritten(tables[index]!) }));

  function ownTables(each: Volume): LvTable[] {
    const { layer, lv, md, name, parent, partition, path, sizeBytes } = each;
    if (layer === "array") throw unmapped(`${name} is an md array${md === undefined ? "" : ` (${md.level})`}, which device-mapper does not make`, "assemble it with mdadm --assemble --readonly, and name it in the place of its members");
    if (layer === "mapping") return luks.filter(({ name: own, of = own }) => path === `/dev/mapper/${of}`);
    if (lv !== undefined) {
      const logical = logicalVolumeOf(each, groups);
      if (logical?.targets !== undefined) return logical.tables ?? [{ name: mapperName(lv.vg, lv.lv), targets: logical.targets }];
      const of = lv.lv === volume.lv?.lv ? "" : `: ${name} lies on it`;
      const isMissing = lv.missingPvs.length > 0;
      if (lv.refused !== undefined) throw unmapped(`its table is not known here: ${lv.refused}${of}`, "lvchange -ay makes it, and dmsetup table prints it");
      throw unmapped(isMissing ? `the physical volume ${lv.missingPvs.join(", ")} is not here${of}` : `its kind is not known here${of}`, isMissing ? "name the disks that have them, too" : "lvchange -ay makes it, and dmsetup table prints it");
    }
    const disk = volumes.find((other) => other.name === parent);
    if (layer !== "partition" || path !== undefined || nodes.has(name) || partition?.startBytes === undefined || disk?.source === undefined) return [];
    return [{ name: partitionName(name), targets: [{ type: "linear", startSector: 0, lengthSectors: sizeBytes / SECTOR_BYTES, device: { path: disk.path ?? disk.name, source: disk.source }, deviceSector: partition.startBytes / SECTOR_BYTES }] }];
  }

  function unmapped(found: string, next: string | undefined): MkinitrdError {
    return new MkinitrdError({ tried: "printing the device-mapper tables", on: volume.name, found, ...(next === undefined ? {} : { next }) });
  }
}

/** Of what libdevmapper takes as it is; libdm/libdm-common.c, _is_whitelisted_char. */
function partitionName(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9#+.:=@_-]/g, "_");
}
