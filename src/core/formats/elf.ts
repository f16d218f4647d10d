import { checkRange, type Source } from "../binary/source.ts";
import { bytes, struct, toNumber, u16le, u32le, u64le, u8, type Decoded, type Struct } from "../binary/struct.ts";
import { MkinitrdError } from "../errors.ts";

/** What the dynamic linker needs to know of a program or library. Little-endian ELF only. System V gABI, chapters 4 and 5. */
export interface Elf {
  bits: 32 | 64;
  /** e_machine: 62 is x86-64, 183 AArch64. */
  machine: number;
  /** The dynamic linker that a program names (PT_INTERP). */
  interpreter?: string;
  soname?: string;
  /** DT_NEEDED, in order. */
  needed: string[];
  /** DT_RPATH and DT_RUNPATH, split at colons, `$ORIGIN` and the like as written. */
  rpath: string[];
  runpath: string[];
  sections: ElfSection[];
}

/** Where one section lies in the file; empty for those that take no room there. */
export interface ElfSection {
  name: string;
  offsetBytes: number;
  sizeBytes: number;
}

/** The tables and sections that are read are far below this in any real file. */
const TABLE_BYTES_MAX = 16 * 1024 * 1024;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const PT_LOAD = 1;
const SHT_NOBITS = 8;
const DT = { NULL: 0, NEEDED: 1, STRTAB: 5, STRSZ: 10, SONAME: 14, RPATH: 15, RUNPATH: 29 } as const;

/** e_ident, and the fields that are alike in both classes. */
const identification = struct("ELF identification", 20, {
  magic: bytes(0, 4),        // 7f "ELF"
  class: u8(4),              // 1: 32 bits, 2: 64 bits
  data: u8(5),               // 1: little-endian
  type: u16le(16),
  machine: u16le(18),
});

const header32 = struct("ELF32 header", 52, {
  programsOffset: wide(28),
  sectionsOffset: wide(32),
  programSize: u16le(42),
  programCount: u16le(44),
  sectionSize: u16le(46),
  sectionCount: u16le(48),
  namesIndex: u16le(50),     // of the section that holds the sections' names
});

export const header64 = struct("ELF64 header", 64, {
  magic: bytes(0, 4),        // 7f "ELF"
  classAndData: u16le(4),    // 0x0102: 64 bits, least significant byte first
  type: u16le(16),
  programsOffset: u64le(32),
  sectionsOffset: u64le(40),
  programSize: u16le(54),
  programCount: u16le(56),
  sectionSize: u16le(58),
  sectionCount: u16le(60),
  namesIndex: u16le(62),
});

const program32 = struct("ELF32 program header", 32, {
  type: u32le(0),
  offset: wide(4),
  address: wide(8),
  fileSize: wide(16),
});

export const program64 = struct("ELF64 program header", 56, {
  type: u32le(0),
  flags: u32le(4),
  offset: u64le(8),
  address: u64le(16),
  physicalAddress: u64le(24),
  fileSize: u64le(32),
  memorySize: u64le(40),     // what is beyond fileSize reads as zeros
  align: u64le(48),
});

const section32 = struct("ELF32 section header", 40, {
  name: u32le(0),            // offset in the section of names
  type: u32le(4),
  offset: wide(16),
  size: wide(20),
});

const section64 = struct("ELF64 section header", 64, {
  name: u32le(0),
  type: u32le(4),
  offset: u64le(24),
  size: u64le(32),
});

const dynamic32 = struct("ELF32 dynamic entry", 8, { tag: wide(0), value: wide(4) });
const dynamic64 = struct("ELF64 dynamic entry", 16, { tag: u64le(0), value: u64le(8) });

interface Segment {
  type: number;
  offsetBytes: number;
  address: bigint;
  sizeBytes: number;
}

/** What a file is for, by its first bytes; undefined when they are not those of a little-endian ELF file. */
export function elfMachine(head: Buffer): Pick<Elf, "machine" | "bits"> | undefined {
  if (head.length < identification.sizeBytes) return undefined;
  const ident = identification.decode(head.subarray(0, identification.sizeBytes));
  if (ident.magic.toString("latin1") !== "\x7fELF" || ident.data !== 1) return undefined;
  return { machine: ident.machine, bits: ident.class === 1 ? 32 : 64 };
}

/** Undefined when the source is no ELF file. Throws when it is one that is damaged or of the other byte order. */
export async function probeElf(source: Source): Promise<Elf | undefined> {
  if (source.sizeBytes < identification.sizeBytes) return undefined;
  const ident = identification.decode(await source.read(0, identification.sizeBytes));
  if (ident.magic.toString("latin1") !== "\x7fELF") return undefined;
  if (ident.data !== 1) throw damaged(source, `its byte order is ${ident.data}; only 1, little-endian, is supported`);
  if (ident.class !== 1 && ident.class !== 2) throw damaged(source, `its class is ${ident.class}, not 1 or 2`);
  const is64 = ident.class === 2;
  const headerTable = is64 ? header64 : header32;
  const header = headerTable.decode(await readRange(source, 0, headerTable.sizeBytes));
  const programs = await readTable<Decoded<typeof program32>>(source, is64 ? program64 : program32, header.programsOffset, header.programSize, header.programCount);
  const segments = programs.map(({ type, offset, address, fileSize }) => ({
    type, address, offsetBytes: toNumber(offset, source.name), sizeBytes: toNumber(fileSize, source.name),
  }));
  const interpreter = await readInterpreter(source, segments);
  return {
    bits: is64 ? 64 : 32,
    machine: ident.machine,
    ...(interpreter === undefined ? {} : { interpreter }),
    ...(await readDynamic(source, segments, is64)),
    sections: await readSections(source, header, is64),
  };
}

/** The bytes of the section called `name`, or undefined when there is none. */
export async function readElfSection(source: Source, elf: Elf, name: string): Promise<Buffer | undefined> {
  const section = elf.sections.find((candidate) => candidate.name === name);
  return section === undefined ? undefined : readBounded(source, section.offsetBytes, section.sizeBytes);
}

async function readTable<T>(source: Source, table: Struct<T>, offset: bigint, entryBytes: number, count: number): Promise<T[]> {
  if (count === 0) return [];
  if (entryBytes < table.sizeBytes) throw damaged(source, `an entry of its ${table.name}s has ${entryBytes} bytes, not ${table.sizeBytes}`);
  const all = await readRange(source, toNumber(offset, source.name), entryBytes * count);
  return Array.from({ length: count }, (_, index) => table.decode(all, index * entryBytes));
}

async function readInterpreter(source: Source, segments: Segment[]): Promise<string | undefined> {
  const segment = segments.find(({ type }) => type === PT_INTERP);
  if (segment === undefined) return undefined;
  if (segment.sizeBytes > 4096) throw damaged(source, `its interpreter's name has ${segment.sizeBytes} bytes`);
  return untilZero(await readRange(source, segment.offsetBytes, segment.sizeBytes), 0);
}

async function readDynamic(source: Source, segments: Segment[], is64: boolean): Promise<Pick<Elf, "soname" | "needed" | "rpath" | "runpath">> {
  const segment = segments.find(({ type }) => type === PT_DYNAMIC);
  if (segment === undefined) return { needed: [], rpath: [], runpath: [] };
  const table: Struct<{ tag: bigint; value: bigint }> = is64 ? dynamic64 : dynamic32;
  const entries: { tag: number; value: bigint }[] = [];
  const all = await readBounded(source, segment.offsetBytes, segment.sizeBytes);
  for (let at = 0; at + table.sizeBytes <= all.length; at += table.sizeBytes) {
    const { tag, value } = table.decode(all, at);
    if (tag === BigInt(DT.NULL)) break;
    entries.push({ tag: Number(tag), value });
  }
  const value = (tag: number) => entries.find((entry) => entry.tag === tag)?.value;
  const strings = await readStrings(source, segments, value(DT.STRTAB), value(DT.STRSZ));
  const texts = (tag: number) => entries.filter((entry) => entry.tag === tag).map((entry) => {
    if (entry.value >= BigInt(strings.length)) throw damaged(source, `a name lies at byte ${entry.value} of ${strings.length} bytes of strings`);
    return untilZero(strings, Number(entry.value));
  });
  const paths = (tag: number) => texts(tag).flatMap((text) => text.split(":")).filter((path) => path !== "");
  const [soname] = texts(DT.SONAME);
  return { needed: texts(DT.NEEDED), rpath: paths(DT.RPATH), runpath: paths(DT.RUNPATH), ...(soname === undefined ? {} : { soname }) };
}

/** DT_STRTAB is an address in memory: the segment that is loaded there says where it lies in the file. */
async function readStrings(source: Source, segments: Segment[], address: bigint | undefined, size: bigint | undefined): Promise<Buffer> {
  if (address === undefined || size === undefined) return Buffer.alloc(0);
  const segment = segments.find((candidate) => candidate.type === PT_LOAD
    && address >= candidate.address && address - candidate.address < BigInt(candidate.sizeBytes));
  if (segment === undefined) throw damaged(source, `no loaded segment holds its string table at address 0x${address.toString(16)}`);
  return readBounded(source, segment.offsetBytes + Number(address - segment.address), toNumber(size, source.name));
}

async function readSections(source: Source, header: Decoded<typeof header32>, is64: boolean): Promise<ElfSection[]> {
  if (header.sectionsOffset === 0n || header.sectionCount === 0) return [];
  const table: Struct<Decoded<typeof section64>> = is64 ? section64 : section32;
  const all = await readTable(source, table, header.sectionsOffset, header.sectionSize, header.sectionCount);
  const namesSection = all[header.namesIndex];
  if (namesSection === undefined) throw damaged(source, `its section names are in section ${header.namesIndex} of ${all.length}`);
  const names = await readBounded(source, toNumber(namesSection.offset, source.name), toNumber(namesSection.size, source.name));
  return all.map((section) => {
    if (section.name > names.length) throw damaged(source, `a section's name lies at byte ${section.name} of ${names.length}`);
    const inFile = section.type !== SHT_NOBITS;
    return {
      name: untilZero(names, section.name),
      offsetBytes: inFile ? toNumber(section.offset, source.name) : 0,
      sizeBytes: inFile ? toNumber(section.size, source.name) : 0,
    };
  });
}

async function readBounded(source: Source, offsetBytes: number, lengthBytes: number): Promise<Buffer> {
  if (lengthBytes > TABLE_BYTES_MAX) throw damaged(source, `a table of it has ${lengthBytes} bytes; at most ${TABLE_BYTES_MAX} are read`);
  return readRange(source, offsetBytes, lengthBytes);
}

async function readRange(source: Source, offsetBytes: number, lengthBytes: number): Promise<Buffer> {
  checkRange(source, offsetBytes, lengthBytes);
  return source.read(offsetBytes, lengthBytes);
}

function untilZero(buffer: Buffer, at: number): string {
  const end = buffer.indexOf(0, at);
  return buffer.toString("utf8", at, end === -1 ? buffer.length : end);
}

/** An address or offset of a 32-bit file, widened so that both classes decode to the same value. */
function wide(offset: number) {
  const narrow = u32le(offset);
  return {
    offset,
    lengthBytes: 4,
    decode: (buffer: Buffer, at: number) => BigInt(narrow.decode(buffer, at)),
    encode: (buffer: Buffer, at: number, value: bigint) => narrow.encode(buffer, at, Number(value)),
  };
}

function damaged(source: Source, found: string): MkinitrdError {
  return new MkinitrdError({ tried: "reading the ELF file", on: source.name, found: found.replaceAll(/[^\x20-\x7e]/g, "?") });
}
