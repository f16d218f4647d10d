import { struct, u16le, u32le, u8 } from "../../core/binary/struct.ts";
import { MkinitrdError } from "../../core/errors.ts";
import type { Unused } from "./elf-trim.ts";

/** Start of an ICU data object. ICU4C, udata.h: MappedData and UDataInfo. */
const dataHeader = struct("ICU data header", 24, {
  headerSize: u16le(0),          // from here to the contents
  magic1: u8(2),                 // 0xda
  magic2: u8(3),                 // 0x27
  infoSize: u16le(4),
  isBigEndian: u8(8),
  charset: u8(9),                // 0: ASCII
  format: u32le(12),             // "CmnD": common data, an archive of items
  formatVersion: u8(16),         // 1
});

/** One line of the table of contents. ICU4C, ucmndata.h: UDataOffsetTOCEntry. Both count from the table's own start. */
const tocEntry = struct("ICU table of contents entry", 8, { nameOffset: u32le(0), dataOffset: u32le(4) });

const COMMON_DATA = Buffer.from("CmnD", "latin1");
const ITEM_ALIGN_BYTES = 16;
const ITEMS_MAX = 100_000;
const NAME_BYTES_MAX = 256;

interface Item {
  /** `icudt78l/coll/en.res` */
  name: string;
  content: Buffer;
}

/**
 * Packs the ICU common data inside `bytes` anew, in place, with the items alone that `isNeeded` wants: to ICU the others
 * are not installed, and it falls back as for any language that it does not have. Gives the room that this left free,
 * undefined when there is no such data.
 */
export function packIcuData(bytes: Buffer, isNeeded: (path: string) => boolean): Unused | undefined {
  const table = findTable(bytes);
  if (table === undefined) return undefined;
  const { items, endBytes } = readItems(bytes, table);
  const packed = encodeItems(items.filter(({ name }) => isNeeded(name.slice(name.indexOf("/") + 1))));
  if (table + packed.length > endBytes) throw damaged(table, "packed, it takes more room than before");
  packed.copy(bytes, table);
  bytes.fill(0, table + packed.length, endBytes);
  return { startBytes: table + packed.length, endBytes };
}

/** Offset of the table of contents. */
function findTable(bytes: Buffer): number | undefined {
  const { format } = dataHeader.fields;
  for (let at = bytes.indexOf(COMMON_DATA); at !== -1; at = bytes.indexOf(COMMON_DATA, at + 1)) {
    const start = at - format.offset;
    if (start < 0 || start + dataHeader.sizeBytes > bytes.length) continue;
    const header = dataHeader.decode(bytes, start);
    const known = header.magic1 === 0xda && header.magic2 === 0x27 && header.isBigEndian === 0 && header.charset === 0 && header.formatVersion === 1;
    if (known) return start + header.headerSize;
  }
  return undefined;
}

/** The items in their order, without the last one: nothing says where it ends, so that it stays where it is, unlisted. */
function readItems(bytes: Buffer, table: number): { items: Item[]; endBytes: number } {
  if (table + 4 > bytes.length) throw damaged(table, "the file ends there");
  const count = bytes.readUInt32LE(table);
  if (count < 2 || count > ITEMS_MAX) throw damaged(table, `it lists ${count} items`);
  const entries = Array.from({ length: count }, (_, index) => tocEntry.decode(bytes, table + 4 + index * tocEntry.sizeBytes));
  const items = entries.slice(0, -1).map(({ nameOffset, dataOffset }, index): Item => {
    const next = entries[index + 1]!.dataOffset;
    if (next < dataOffset || table + next > bytes.length) throw damaged(table, `item ${index} lies at ${dataOffset}, the next at ${next}`);
    return { name: readName(bytes, table, nameOffset), content: Buffer.from(bytes.subarray(table + dataOffset, table + next)) };
  });
  return { items, endBytes: table + entries.at(-1)!.dataOffset };
}

function readName(bytes: Buffer, table: number, nameOffset: number): string {
  const end = bytes.indexOf(0, table + nameOffset);
  if (end === -1 || end - table - nameOffset > NAME_BYTES_MAX) throw damaged(table, `no name at ${nameOffset}`);
  return bytes.toString("latin1", table + nameOffset, end);
}

/** Table, names, items: as ICU's own icupkg writes them. */
function encodeItems(items: Item[]): Buffer {
  const names = items.map(({ name }) => Buffer.from(`${name}\0`, "latin1"));
  let nameOffset = 4 + items.length * tocEntry.sizeBytes;
  let dataOffset = align(nameOffset + names.reduce((sum, name) => sum + name.length, 0));
  const count = Buffer.alloc(4);
  count.writeUInt32LE(items.length);
  const entries = items.map(({ content }, index) => {
    const entry = tocEntry.encode({ nameOffset, dataOffset });
    nameOffset += names[index]!.length;
    dataOffset = align(dataOffset + content.length);
    return entry;
  });
  const pad = (buffer: Buffer) => [buffer, Buffer.alloc(align(buffer.length) - buffer.length)];
  return Buffer.concat([...pad(Buffer.concat([count, ...entries, ...names])), ...items.flatMap(({ content }) => pad(content))]);
}

function align(offset: number): number {
  return Math.ceil(offset / ITEM_ALIGN_BYTES) * ITEM_ALIGN_BYTES;
}

function damaged(table: number, found: string): MkinitrdError {
  return new MkinitrdError({ tried: "trimming the runtime", on: `the ICU data at byte ${table}`, found });
}
