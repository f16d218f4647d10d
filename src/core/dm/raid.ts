import { checkRange, SECTOR_BYTES } from "../binary/source.ts";
import type { Source } from "../binary/source.ts";
import { MkinitrdError } from "../errors.ts";
import { quote } from "../quote.ts";
import type { Device, Span } from "./device.ts";
import { once } from "./mapped-source.ts";
import { openLegs } from "./mirror-legs.ts";
import { openParityArray } from "./parity-array.ts";
import type { ParityLayout } from "./parity-layout.ts";
import { openRaid10Array } from "./raid10-array.ts";
import { readStaleRoles } from "./raid-superblock.ts";
import type { TableWords } from "./table-words.ts";

/** dm-raid: md's arrays as a target. Linux Documentation/admin-guide/device-mapper/dm-raid.rst. */
export interface Raid extends Span {
  /** `raid1`, `raid5_ls`. */
  raidType: string;
  /** As they stand: the chunk in sectors, then `region_size`, `2048`. */
  parameters: string[];
  /** In the order of their roles. One without a data device is missing; one without a metadata device has none. */
  members: { metadata?: Device; data?: Device }[];
}

/** The level that is in dm-raid's name, and where its parity goes; drivers/md/dm-raid.c, raid_types. */
const PARITY: Record<string, [level: 5 | 6, layout: ParityLayout]> = {
  raid4: [5, "parity-first"],
  raid5_0: [5, "parity-first"],
  raid5_n: [5, "parity-last"],
  raid5_ls: [5, "left-symmetric"],
  raid5_rs: [5, "right-symmetric"],
  raid5_la: [5, "left-asymmetric"],
  raid5_ra: [5, "right-asymmetric"],
  raid6_zr: [6, "ddf-zero-restart"],
  raid6_nr: [6, "ddf-N-restart"],
  raid6_nc: [6, "ddf-N-continue"],
  raid6_n_6: [6, "parity-last"],
  raid6_0_6: [6, "parity-first-6"],
  raid6_ls_6: [6, "left-symmetric-6"],
  raid6_rs_6: [6, "right-symmetric-6"],
  raid6_la_6: [6, "left-asymmetric-6"],
  raid6_ra_6: [6, "right-asymmetric-6"],
};
const KNOWN = ["raid0", "raid1", "raid10", ...Object.keys(PARITY)];

/** The target's line of a table, as `dmsetup create` takes it. */
export function raidLine({ lengthSectors, members, parameters, raidType, startSector }: Raid): string {
  const devices = members.map(({ data, metadata }) => `${metadata?.path ?? "-"} ${data?.path ?? "-"}`).join(" ");
  return `${startSector} ${lengthSectors} raid ${raidType} ${parameters.length} ${parameters.join(" ")} ${members.length} ${devices}`;
}

/** Reads what stands behind `raid`. */
export function parseRaid(span: Span, words: TableWords): Raid {
  const raidType = words.word("the type of the array");
  const parameters = words.counted("parameters");
  const count = words.number("the number of devices", 1);
  const members: Raid["members"] = [];
  while (members.length < count) {
    const metadata = words.deviceOrNone(`the metadata device ${members.length}`);
    const data = words.deviceOrNone(`the device ${members.length}`);
    members.push({ ...(metadata === undefined ? {} : { metadata }), ...(data === undefined ? {} : { data }) });
  }
  return { ...span, raidType, parameters, members };
}

/**
 * The target's bytes; those of a missing device from the others. Missing, too, is one that the table says to rebuild, and, from
 * the first read on, one that is not whole by the superblocks. Throws when too many are missing or the type is unknown.
 */
export function openRaid(target: Raid): Source {
  const { lengthSectors, members, parameters } = target;
  const rebuilt = parameters.flatMap((word, at) => (word === "rebuild" ? [Number(parameters[at + 1])] : []));
  const plain = openWithout(target, new Set(rebuilt));
  const metadata = members.map((member) => member.metadata?.source);
  if (metadata.every((source) => source === undefined)) return plain;
  const load = once(async () => {
    const stale = await readStaleRoles(metadata);
    return stale.size === 0 ? plain : openWithout(target, new Set([...rebuilt, ...stale]));
  });
  return {
    name: plain.name,
    sizeBytes: lengthSectors * SECTOR_BYTES,
    async read(offsetBytes, lengthBytes) {
      checkRange(this, offsetBytes, lengthBytes);
      return (await load()).read(offsetBytes, lengthBytes);
    },
  };
}

function openWithout(target: Raid, missing: Set<number>): Source {
  const { lengthSectors, members, parameters, raidType } = target;
  const sizeBytes = lengthSectors * SECTOR_BYTES;
  const value = (key: string): string | undefined => {
    const at = parameters.indexOf(key, 1);
    return at < 0 ? undefined : parameters[at + 1];
  };
  for (const key of ["delta_disks", "data_offset"]) {
    if (Number(value(key) ?? 0) !== 0) throw failure(target, `${key} is ${value(key)}: it is being reshaped, and can't be read here`);
  }
  const disks = members.map(({ data }, role) => (missing.has(role) ? undefined : data?.source));
  const name = members.map(({ data }) => data?.source.name ?? "(missing)").join(" + ");
  if (raidType === "raid1") return openLegs(name, sizeBytes, disks);
  const chunkBytes = Number(parameters[0]) * SECTOR_BYTES;
  if (!Number.isSafeInteger(chunkBytes) || chunkBytes <= 0) throw failure(target, `the chunk has ${quote(parameters[0] ?? "")} sectors`);

  const parity = Object.hasOwn(PARITY, raidType) ? PARITY[raidType] : undefined;
  if (parity !== undefined) {
    const [level, layout] = parity;
    return openParityArray({ name, level, layout, chunkBytes, sizeBytes, disks });
  }
  if (raidType !== "raid0" && raidType !== "raid10") throw failure(target, `the type ${quote(raidType)} is unknown; known: ${KNOWN.join(", ")}`);
  const copies = raidType === "raid0" ? 1 : Number(value("raid10_copies") ?? 2);
  const format = value("raid10_format") ?? "near";
  if (!Number.isInteger(copies) || copies < 1 || copies > members.length || !["near", "far", "offset"].includes(format)) {
    throw failure(target, `raid10 has ${copies} copies in the format ${quote(format)}; known: near, far, offset`);
  }
  // raid10_format_to_md_layout: copies that are far go round in sets of disks; raid10.c, setup_geo, has the size of one.
  const setDisks = parameters.includes("raid10_use_near_sets") ? members.length : Math.floor(members.length / copies);
  const layout = format === "near"
    ? { near: copies, far: 1, offset: false, farSetDisks: members.length }
    : { near: 1, far: copies, offset: format === "offset", farSetDisks: setDisks };
  // As the kernel, rs_set_dev_and_array_sectors: the disks share what the copies take.
  const diskBytes = Math.ceil((sizeBytes * copies) / members.length / chunkBytes) * chunkBytes;
  return openRaid10Array({ name, layout, chunkBytes, sizeBytes, diskBytes, disks });
}

function failure({ members }: Raid, found: string): MkinitrdError {
  const on = members.map(({ data }) => data?.source.name ?? "(missing)").join(" + ");
  return new MkinitrdError({ tried: "opening a raid target", on, found });
}
