import { SECTOR_BYTES, window } from "../binary/source.ts";
import type { Source } from "../binary/source.ts";
import { openLegs } from "../dm/mirror-legs.ts";
import { openParityArray } from "../dm/parity-array.ts";
import type { ParityLayout } from "../dm/parity-layout.ts";
import { openRaid10Array } from "../dm/raid10-array.ts";
import { concat } from "../dm/table.ts";
import { MkinitrdError } from "../errors.ts";
import type { MdMember } from "../formats/md-member.ts";
import type { FoundMember, OpenArray } from "./md.ts";

/** md's numbers for where parity goes; Linux drivers/md/raid5.h. Those of RAID6 from 8 on are only its own. */
const PARITY_LAYOUTS: Record<number, ParityLayout> = {
  0: "left-asymmetric", 1: "right-asymmetric", 2: "left-symmetric", 3: "right-symmetric", 4: "parity-first", 5: "parity-last",
};
const RAID6_LAYOUTS: Record<number, ParityLayout> = {
  ...PARITY_LAYOUTS,
  8: "ddf-zero-restart", 9: "ddf-N-restart", 10: "ddf-N-continue",
  16: "left-asymmetric-6", 17: "right-asymmetric-6", 18: "left-symmetric-6", 19: "right-symmetric-6", 20: "parity-first-6",
};

/** Reads arrays of any level that the kernel has, with as many members missing as it withstands. */
export const openArray: OpenArray = (newest, members) => () => {
  const name = `array ${newest.name ?? newest.uuid}`;
  const fail = (found: string, next?: string): MkinitrdError => new MkinitrdError({ tried: "opening an array", on: name, found, ...(next === undefined ? {} : { next }) });
  if (newest.reshaping === true) throw fail("it is being reshaped: what lies where depends on how far that got", "let it end where it runs: mdadm --assemble, then mdadm --wait");
  if (newest.foreignByteOrder === true) throw fail("it is of a machine with the other byte order");
  const disks = members.map(dataOf);
  const [first] = disks.filter((disk) => disk !== undefined);
  if (first === undefined) throw fail("no member is there that is whole");
  if (newest.level === 1) return openLegs(name, first.sizeBytes, disks);
  if (newest.level === -1) return concat(name, whole(disks, fail).map((disk) => window(disk, 0, roundDown(disk.sizeBytes, newest.chunkSectors * SECTOR_BYTES))));

  const chunkBytes = newest.chunkSectors * SECTOR_BYTES;
  if (chunkBytes === 0) throw fail("its chunk has no size");
  const diskBytes = roundDown(Math.min(...disks.flatMap((disk) => disk?.sizeBytes ?? [])), chunkBytes);
  switch (newest.level) {
    case 0: {
      if (whole(disks, fail).some((disk) => roundDown(disk.sizeBytes, chunkBytes) !== diskBytes)) throw fail("its members differ in size: stripes over fewer of them can't be read here");
      return openRaid10Array({ name, layout: { near: 1, far: 1, offset: false, farSetDisks: disks.length }, chunkBytes, sizeBytes: disks.length * diskBytes, diskBytes, disks });
    }
    case 4: return parity(5, "parity-last");
    case 5: return parity(5, PARITY_LAYOUTS[newest.layout]);
    case 6: return parity(6, RAID6_LAYOUTS[newest.layout]);
    case 10: return raid10();
    default: throw fail(`the level is ${newest.level}; known: linear, 0, 1, 4, 5, 6, 10`);
  }

  function parity(level: 5 | 6, layout: ParityLayout | undefined): Source {
    if (layout === undefined) throw fail(`the layout is ${newest.layout}, which level ${newest.level} doesn't have`);
    return openParityArray({ name, level, layout, chunkBytes, sizeBytes: Math.max(0, disks.length - (level - 4)) * diskBytes, disks });
  }

  /** drivers/md/raid10.c, setup_geo and raid10_size. */
  function raid10(): Source {
    const [near, far, offset, sets] = [newest.layout & 0xff, (newest.layout >> 8) & 0xff, (newest.layout & 0x10000) !== 0, newest.layout >>> 17];
    if (near * far === 0 || sets > 2) throw fail(`the layout is 0x${newest.layout.toString(16)}: ${near} near and ${far} far copies, sets ${sets}`);
    const layout = { near, far, offset, farSetDisks: sets === 2 ? near * far : sets === 1 ? Math.floor(disks.length / far) : disks.length };
    const chunks = Math.floor((Math.floor(diskBytes / chunkBytes / far) * disks.length) / near);
    return openRaid10Array({ name, layout, chunkBytes, sizeBytes: chunks * chunkBytes, diskBytes, disks });
  }
};

/** Where the array's data lies on a member. */
function dataOf(found: FoundMember | undefined): Source | undefined {
  if (found === undefined) return undefined;
  const { dataBytes, dataStartBytes }: MdMember = found.member;
  return window(found.source, dataStartBytes, dataBytes);
}

function whole(disks: (Source | undefined)[], fail: (found: string) => MkinitrdError): Source[] {
  const present = disks.filter((disk) => disk !== undefined);
  if (present.length === disks.length) return present;
  throw fail(`${disks.length - present.length} of ${disks.length} members are missing`);
}

function roundDown(bytes: number, unit: number): number {
  return unit === 0 ? bytes : bytes - (bytes % unit);
}
