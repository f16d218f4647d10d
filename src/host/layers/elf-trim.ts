import { toNumber, type Decoded } from "../../core/binary/struct.ts";
import { MkinitrdError } from "../../core/errors.ts";
import { header64, program64 } from "../../core/formats/elf.ts";

/** Bytes of a file that nothing reads, from `startBytes` up to, not including, `endBytes`. */
export interface Unused {
  startBytes: number;
  endBytes: number;
}

/** Of x86-64; for arm64, where a kernel may have larger ones, segments are aligned to 64 KiB. */
const PAGE_BYTES_LEAST = 4096;
const PAGE_BYTES_MOST = 1024 * 1024;
const ET_EXEC = 2;
const PF_R = 4;
const PT = { NULL: 0, LOAD: 1, NOTE: 4, PHDR: 6, GNU_EH_FRAME: 0x6474e550 } as const;
/** A program that is not moved needs neither the address of its own headers nor its notes: room for pieces of segments. */
const UNUSED_AT_FIXED_ADDRESS: ReadonlySet<number> = new Set([PT.NULL, PT.NOTE, PT.PHDR]);

interface Segment {
  type: number;
  flags: number;
  offsetBytes: number;
  address: bigint;
  fileBytes: number;
  memoryBytes: number;
  align: bigint;
}

/**
 * A program that runs as before and holds less: what no segment loads (symbols, debugging data, section headers) goes,
 * and so do the whole pages in `unused` (ascending, apart), which then read as zeros like the .bss. Throws MkinitrdError
 * for a file that this can't be done to.
 */
export function trimElf(bytes: Buffer, unused: Unused[]): Buffer {
  const header = header64.decode(bytes);
  if (header.magic.toString("latin1") !== "\x7fELF" || header.classAndData !== 0x0102) throw cannot("it is no 64-bit little-endian ELF file");
  const decoded = decodeSegments(bytes, header);
  const pageBytes = findPageBytes(decoded);
  const holes = unused.map((range) => wholePages(range, pageBytes)).filter(({ startBytes, endBytes }) => endBytes > startBytes);
  const all = decoded.filter((segment) => !isUnwindIndexIn(holes, segment));
  const segments = all.flatMap((segment) => (segment.type === PT.LOAD ? split(segment, holes, all) : [segment]));
  const kept = segments.filter(({ type }) => header.type !== ET_EXEC || !UNUSED_AT_FIXED_ADDRESS.has(type));
  if (kept.length > header.programCount) throw cannot(`it has room for ${header.programCount} program headers, ${kept.length} are needed`);
  const removed = removedRanges(segments.filter(({ type }) => type === PT.LOAD), pageBytes);
  const moved = kept.map((segment) => ({ ...segment, offsetBytes: shift(segment.offsetBytes, removed) }));
  return assemble(bytes, header, moved, removed, Math.max(...kept.map(({ offsetBytes, fileBytes }) => offsetBytes + fileBytes)));
}

function decodeSegments(bytes: Buffer, header: Decoded<typeof header64>): Segment[] {
  if (header.programSize !== program64.sizeBytes) throw cannot(`its program headers have ${header.programSize} bytes, not ${program64.sizeBytes}`);
  const start = toNumber(header.programsOffset, "the program headers' offset");
  return Array.from({ length: header.programCount }, (_, index) => {
    const { type, flags, offset, address, fileSize, memorySize, align } = program64.decode(bytes, start + index * program64.sizeBytes);
    const segment = {
      type, flags, address, align,
      offsetBytes: toNumber(offset, "a segment's offset"),
      fileBytes: toNumber(fileSize, "a segment's size"),
      memoryBytes: toNumber(memorySize, "a segment's size in memory"),
    };
    if (segment.offsetBytes + segment.fileBytes > bytes.length) throw cannot("a segment reaches past its end");
    return segment;
  });
}

/** What all loaded segments are aligned to: the largest page that the file is made for. */
function findPageBytes(segments: Segment[]): number {
  const [first, ...others] = new Set(segments.filter(({ type }) => type === PT.LOAD).map(({ align }) => align));
  const isPower = first !== undefined && first >= BigInt(PAGE_BYTES_LEAST) && first <= BigInt(PAGE_BYTES_MOST) && (first & (first - 1n)) === 0n;
  if (isPower && others.length === 0) return Number(first);
  throw cannot(`its segments are aligned to ${[first, ...others].join(" and ")} bytes`);
}

/** Without its tables, the entry that says where they are must go, too: who unwinds then finds none. */
function isUnwindIndexIn(holes: Unused[], { type, offsetBytes, fileBytes }: Segment): boolean {
  return type === PT.GNU_EH_FRAME && holes.some(({ startBytes, endBytes }) => startBytes < offsetBytes + fileBytes && offsetBytes < endBytes);
}

function wholePages({ startBytes, endBytes }: Unused, pageBytes: number): Unused {
  return { startBytes: Math.ceil(startBytes / pageBytes) * pageBytes, endBytes: Math.floor(endBytes / pageBytes) * pageBytes };
}

/** Pieces of a segment: each holds the bytes before a hole, and is as long in memory as both. */
function split(segment: Segment, holes: Unused[], all: Segment[]): Segment[] {
  const end = segment.offsetBytes + segment.fileBytes;
  const inside = holes.filter(({ startBytes, endBytes }) => startBytes > segment.offsetBytes && endBytes <= end);
  if (inside.length === 0) return [segment];
  if (segment.flags !== PF_R || overlapsOther(segment, all)) throw cannot("what is unused lies in a segment that is not only read");
  const starts = [segment.offsetBytes, ...inside.map(({ endBytes }) => endBytes)];
  return starts.map((start, index) => {
    const fileEnd = inside[index]?.startBytes ?? end;
    const memoryEnd = starts[index + 1] ?? segment.offsetBytes + segment.memoryBytes;
    return { ...segment, offsetBytes: start, address: segment.address + BigInt(start - segment.offsetBytes), fileBytes: fileEnd - start, memoryBytes: memoryEnd - start };
  });
}

function overlapsOther(segment: Segment, all: Segment[]): boolean {
  return all.some((other) => other !== segment && other.type === PT.LOAD
    && other.offsetBytes < segment.offsetBytes + segment.fileBytes && segment.offsetBytes < other.offsetBytes + other.fileBytes);
}

/** Whole pages between the bytes of one loaded segment and the next, in the old file. */
function removedRanges(loads: Segment[], pageBytes: number): Unused[] {
  return loads.slice(1).map((next, index) => {
    const { offsetBytes, fileBytes } = loads[index]!;
    return wholePages({ startBytes: offsetBytes + fileBytes, endBytes: next.offsetBytes }, pageBytes);
  }).filter(({ startBytes, endBytes }) => endBytes > startBytes);
}

function shift(offsetBytes: number, removed: Unused[]): number {
  return removed.reduce((sum, range) => (range.endBytes <= offsetBytes ? sum - (range.endBytes - range.startBytes) : sum), offsetBytes);
}

function assemble(bytes: Buffer, header: Decoded<typeof header64>, segments: Segment[], removed: Unused[], endBytes: number): Buffer {
  const starts = [0, ...removed.map((range) => range.endBytes)];
  const trimmed = Buffer.concat(starts.map((start, index) => bytes.subarray(start, removed[index]?.startBytes ?? endBytes)));
  const table = Buffer.alloc(header.programCount * program64.sizeBytes);
  segments.forEach(({ type, flags, offsetBytes, address, fileBytes, memoryBytes, align }, index) => {
    const entry = { type, flags, offset: BigInt(offsetBytes), address, physicalAddress: address, fileSize: BigInt(fileBytes), memorySize: BigInt(memoryBytes), align };
    program64.encode(entry).copy(table, index * program64.sizeBytes);
  });
  table.copy(trimmed, Number(header.programsOffset));
  const { fields } = header64;
  fields.programCount.encode(trimmed, fields.programCount.offset, segments.length);
  fields.sectionsOffset.encode(trimmed, fields.sectionsOffset.offset, 0n);
  fields.sectionCount.encode(trimmed, fields.sectionCount.offset, 0);
  fields.namesIndex.encode(trimmed, fields.namesIndex.offset, 0);
  return trimmed;
}

function cannot(found: string): MkinitrdError {
  return new MkinitrdError({ tried: "trimming the runtime", on: "its ELF file", found });
}
