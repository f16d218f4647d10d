import { checkRange, type Source } from "../binary/source.ts";
import { hex32, MkinitrdError } from "../errors.ts";
import { decodeName } from "./newc-name.ts";

/**
 * cpio "newc" archives, as the kernel unpacks them into rootfs.
 * Kernel: Documentation/driver-api/early-userspace/buffer-format.rst. All numbers are eight hexadecimal digits.
 */
export const NEWC_HEADER_BYTES = 110;

/** The kernel's PATH_MAX: longest name, with its closing zero byte, and longest link target. */
const NAME_BYTES_MAX = 4096;
const TRAILER = "TRAILER!!!";
const MEMBERS_MAX = 1_000_000;
const PIECE_BYTES = 1024 * 1024;

/** Header fields behind the six bytes of magic, in order. */
const FIELDS = [
  "inode", "mode", "uid", "gid", "links", "mtime", "sizeBytes", "devMajor", "devMinor",
  "major", "minor", "nameBytes", "checksum",
] as const;
type Header = Record<(typeof FIELDS)[number], number>;

/** File type bits of `mode`, inode(7). */
const TYPE_BITS = { file: 0o100000, directory: 0o040000, link: 0o120000, node: 0o020000, block: 0o060000, pipe: 0o010000, socket: 0o140000 } as const;
/** `node` is a character device, `block` a block device. */
export type NewcType = keyof typeof TYPE_BITS;

/** What the header of one member says; the content follows it, for a link its target. */
export interface NewcHead {
  /** Without a leading slash. */
  path: string;
  type: NewcType;
  /** Permission bits. */
  mode: number;
  /** Content of a file, or length of a link's target in bytes; 0 for the others. */
  sizeBytes: number;
  /** Of a device. */
  major?: number;
  minor?: number;
}

/** Where a member begins in its archive, and of what its data's place in it is to be a multiple; a multiple of 4 itself. */
export interface NewcPlace {
  offsetBytes: number;
  alignBytes: number;
}

/**
 * The header, name and padding of one member; owner is root. `inode` must differ from member to member. A `place` is reached by more
 * zero bytes behind the name, which count as part of it: the kernel and cpio(1) read a name to its first one.
 */
export function encodeNewcHead(head: NewcHead, inode: number, mtime: number, place?: NewcPlace): Buffer {
  return encodeHeader(head.path, place, {
    inode,
    mode: TYPE_BITS[head.type] | head.mode,
    links: head.type === "directory" ? 2 : 1,
    mtime,
    sizeBytes: head.sizeBytes,
    major: head.major ?? 0,
    minor: head.minor ?? 0,
  });
}

/** Zero bytes that follow `sizeBytes` of content. */
export function newcPadding(sizeBytes: number): Buffer {
  return Buffer.alloc(align(sizeBytes) - sizeBytes);
}

/** The member that ends an archive. */
export function encodeNewcTrailer(): Buffer {
  return encodeHeader(TRAILER, undefined, { links: 1 });
}

function encodeHeader(path: string, place: NewcPlace | undefined, fields: Partial<Header>): Buffer {
  const name = padName(Buffer.from(`${path}\0`), place);
  if (name.length > NAME_BYTES_MAX) {
    throw refuse("writing a cpio archive", path.slice(0, 60), `its name has ${name.length} bytes, the kernel takes ${NAME_BYTES_MAX}`);
  }
  const all: Partial<Header> = { ...fields, nameBytes: name.length };
  const numbers = FIELDS.map((field) => digits(path, field, all[field] ?? 0));
  const headBytes = NEWC_HEADER_BYTES + name.length;
  return Buffer.concat([Buffer.from(`070701${numbers.join("")}`), name], align(headBytes));
}

function padName(name: Buffer, place: NewcPlace | undefined): Buffer {
  if (place === undefined) return name;
  const end = place.offsetBytes + NEWC_HEADER_BYTES + name.length;
  return Buffer.concat([name], name.length + Math.ceil(end / place.alignBytes) * place.alignBytes - end);
}

function digits(path: string, field: string, value: number): string {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) {
    throw refuse("writing a cpio archive", path, `its ${field} is ${value}, the format holds 0 to ${0xffff_ffff}`);
  }
  return value.toString(16).padStart(8, "0");
}

/** One member of an archive that was read. */
export interface NewcMember extends Omit<NewcHead, "type"> {
  type: NewcType | "other";
  /** With the device's numbers it names a file that has several paths. */
  inode: number;
  device: string;
  uid: number;
  gid: number;
  links: number;
  mtime: number;
  /** Where its content begins in the source. */
  dataOffsetBytes: number;
  /** Sum of the content's bytes, in archives of the `070702` kind. */
  checksum?: number;
}

/**
 * The members of the archive that begins at `offsetBytes`, and where it ends behind its trailer. Content is not read.
 * Throws on anything that the kernel would not unpack as written: the archive may come from anywhere.
 */
export async function readNewc(source: Source, offsetBytes = 0, mostMembers = MEMBERS_MAX): Promise<{ members: NewcMember[]; endBytes: number }> {
  const members: NewcMember[] = [];
  let position = offsetBytes;
  for (;;) {
    const { header, magic } = decodeHeader(await readAt(source, position, NEWC_HEADER_BYTES), source, position);
    const path = await readName(source, position, header.nameBytes);
    const dataOffsetBytes = offsetBytes + align(position - offsetBytes + NEWC_HEADER_BYTES + header.nameBytes);
    if (path === TRAILER) return { members, endBytes: Math.min(dataOffsetBytes, source.sizeBytes) };
    if (members.length >= mostMembers) throw broken(source, position, `more than ${mostMembers} members`);
    if (dataOffsetBytes + header.sizeBytes > source.sizeBytes) {
      throw broken(source, position, `${printable(path)} has ${header.sizeBytes} bytes from byte ${dataOffsetBytes} on, but the archive ends at byte ${source.sizeBytes}`);
    }
    members.push(member(path, header, dataOffsetBytes, magic));
    position = offsetBytes + align(dataOffsetBytes - offsetBytes + header.sizeBytes);
  }
}

/** The content of a member, checked against its sum where the archive has one. */
export async function readNewcContent(source: Source, member: NewcMember): Promise<Buffer> {
  if (member.checksum === undefined) return source.read(member.dataOffsetBytes, member.sizeBytes);
  const pieces: Buffer[] = [];
  for await (const piece of readNewcPieces(source, member)) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** The same in pieces, for what may be large; a wrong sum shows behind the last one. */
export async function* readNewcPieces(source: Source, member: NewcMember): AsyncGenerator<Buffer> {
  const end = member.dataOffsetBytes + member.sizeBytes;
  let sum = 0;
  for (let at = member.dataOffsetBytes; at < end; at += PIECE_BYTES) {
    const piece = await source.read(at, Math.min(PIECE_BYTES, end - at));
    if (member.checksum !== undefined) sum = piece.reduce((total, byte) => (total + byte) >>> 0, sum);
    yield piece;
  }
  if (member.checksum === undefined || sum === member.checksum) return;
  throw broken(source, member.dataOffsetBytes, `the sum of ${printable(member.path)} is ${hex32(sum)}, its header says ${hex32(member.checksum)}`);
}

function decodeHeader(bytes: Buffer, source: Source, position: number): { header: Header; magic: string } {
  const text = bytes.toString("latin1");
  const magic = text.slice(0, 6);
  if (magic !== "070701" && magic !== "070702") throw broken(source, position, `magic is "${printable(magic)}", not "070701" or "070702"`);
  const header = {} as Header;
  FIELDS.forEach((field, index) => {
    const digits = text.slice(6 + 8 * index, 14 + 8 * index);
    if (!/^[0-9a-fA-F]{8}$/.test(digits)) throw broken(source, position, `${field} is "${printable(digits)}", not eight hexadecimal digits`);
    header[field] = parseInt(digits, 16);
  });
  return { header, magic };
}

async function readName(source: Source, position: number, nameBytes: number): Promise<string> {
  if (nameBytes < 2 || nameBytes > NAME_BYTES_MAX) throw broken(source, position, `a name has ${nameBytes} bytes; 2 to ${NAME_BYTES_MAX} are possible`);
  const name = await readAt(source, position + NEWC_HEADER_BYTES, nameBytes);
  const end = name.indexOf(0);
  if (end < 1 || name.subarray(end).some((byte) => byte !== 0)) throw broken(source, position, `a name of ${nameBytes} bytes is empty, has no zero byte at its end, or something behind the first one`);
  return decodeName(name.subarray(0, end));
}

function member(path: string, header: Header, dataOffsetBytes: number, magic: string): NewcMember {
  const { inode, uid, gid, links, mtime, sizeBytes, major, minor } = header;
  const device = `${header.devMajor}:${header.devMinor}`;
  const typeBits = header.mode & 0o170000;
  const type = (Object.keys(TYPE_BITS) as NewcType[]).find((key) => TYPE_BITS[key] === typeBits) ?? "other";
  return {
    path, type, mode: header.mode & 0o7777, inode, device, uid, gid, links, mtime, sizeBytes, dataOffsetBytes,
    ...(type === "node" || type === "block" ? { major, minor } : {}),
    ...(magic === "070702" && type === "file" ? { checksum: header.checksum } : {}),
  };
}

async function readAt(source: Source, offsetBytes: number, lengthBytes: number): Promise<Buffer> {
  checkRange(source, offsetBytes, lengthBytes);
  return source.read(offsetBytes, lengthBytes);
}

function align(bytes: number): number {
  return Math.ceil(bytes / 4) * 4;
}

/** For messages: a hostile name must not drive the terminal. */
function printable(text: string): string {
  return text.slice(0, 100).replaceAll(/[^\x20-\x7e]/g, "?");
}

function broken(source: Source, position: number, found: string): MkinitrdError {
  return refuse("reading a cpio archive", `${source.name} at byte ${position}`, found);
}

function refuse(tried: string, on: string, found: string): MkinitrdError {
  return new MkinitrdError({ tried, on, found });
}
