import { crc32c } from "../binary/checksums.ts";
import type { Source } from "../binary/source.ts";
import { guid, struct, toNumber, u32be, u32le, u64be, u64le, uuid } from "../binary/struct.ts";
import { hex32, MkinitrdError } from "../errors.ts";
import type { Content } from "./content.ts";
import { identity } from "./label.ts";
import { readInside } from "./superblock.ts";

/**
 * Volume header, the first 512 of its 65536 bytes, in the byte order of the machine that made it. DragonFly
 * sys/vfs/hammer2/hammer2_disk.h, struct hammer2_volume_data.
 */
const fields = (u32: typeof u32le, u64: typeof u64le, id: typeof guid) => ({
  magic: u64(0),
  volumeBytes: u64(40),
  version: u32(48),
  fsid: id(64),
  mirrorTid: u64(120), // grows with each flush
  checksum: u32(508), // CRC-32C of the bytes before it
});
export const hammer2Little = struct("HAMMER2 volume header", 512, fields(u32le, u64le, guid));
export const hammer2Big = struct("HAMMER2 volume header", 512, fields(u32be, u64be, uuid));

const MAGIC = 0x48414d3205172011n;
/** The header is repeated at the start of each zone, four times at most; a flush writes one of them in turn. */
const ZONE_BYTES = 2 * 1024 * 1024 * 1024;
const COPIES = 4;

/**
 * A HAMMER2 volume, by the newest of its headers; labels belong to what is inside of it. Undefined without the magic in
 * the first zone; throws when no header is sound. Reads at most 2 KiB.
 */
export async function probeHammer2(source: Source): Promise<Content | undefined> {
  const problems: string[] = [];
  let newest: ReturnType<typeof hammer2Little.decode> | undefined;
  for (let copy = 0; copy < COPIES; copy++) {
    const raw = await readInside(source, copy * ZONE_BYTES, hammer2Little.sizeBytes);
    const header = [hammer2Little, hammer2Big].map((order) => raw && order.decode(raw)).find((one) => one?.magic === MAGIC);
    if (raw === undefined || (header === undefined && copy === 0)) break;
    if (header === undefined) continue;
    const crc = crc32c(raw.subarray(0, hammer2Little.fields.checksum.offset));
    if (crc !== header.checksum) problems.push(`header ${copy + 1}: its CRC is ${hex32(crc)}, it says ${hex32(header.checksum)}`);
    else if (newest === undefined || header.mirrorTid > newest.mirrorTid) newest = header;
  }
  if (newest === undefined && problems.length === 0) return undefined;
  if (newest === undefined) throw new MkinitrdError({ tried: "reading the HAMMER2 volume header", on: source.name, found: problems.join("; "), next: "check it from DragonFly: hammer2 volhdr" });
  return {
    type: "hammer2",
    version: `${newest.version}`,
    ...identity(newest.fsid, undefined),
    sizeBytes: toNumber(newest.volumeBytes, `the size of the HAMMER2 on ${source.name}`),
    ...(problems.length === 0 ? {} : { damage: problems }),
  };
}
