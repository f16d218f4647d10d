import { closeSync, openSync, readSync } from "node:fs";
import { constants, gunzipSync } from "node:zlib";
import { MkinitrdError } from "../../core/errors.ts";
import { ownArchitecture, type ArchitectureName } from "../architecture.ts";
import { describeIoError } from "../read-text.ts";
import { PLATFORMS, type Machine } from "./machine.ts";

const HEAD_BYTES = 64 * 1024;

/** Where a kernel file of an architecture says that it is one: bzImage's setup header, the 64-byte header of an arm64 Image. */
const MAGICS: { name: ArchitectureName; at: number; magic: string }[] = [
  { name: "x86_64", at: 0x202, magic: "HdrS" }, // Documentation/arch/x86/boot.rst
  { name: "aarch64", at: 56, magic: "ARM\x64" }, // Documentation/arch/arm64/booting.rst
];

/** Of an EFI program: a kernel that unpacks itself (zboot, drivers/firmware/efi/libstub/zboot-header.S) or a unified image. PE format, "COFF File Header". */
const PE = { dosMagic: "MZ", headerAt: 0x3c, magic: "PE\0\0", machineAt: 4 };
const PE_MACHINES: Record<number, ArchitectureName> = { 0x8664: "x86_64", 0xaa64: "aarch64" };
const GZIP = Buffer.of(0x1f, 0x8b);

/** What a kernel file is for: a bzImage, an Image of arm64, whole or in gzip, or an EFI program; undefined when it is none of them. */
export function kernelArchitecture(file: string): ArchitectureName | undefined {
  const head = unpackHead(readHead(file));
  const known = MAGICS.find(({ at, magic }) => head.toString("latin1", at, at + magic.length) === magic);
  return known?.name ?? peArchitecture(head);
}

/** The machine that starts a kernel file, with its serial line as console: this machine's kind where the file does not say. */
export function machineFor(kernel: string): Required<Pick<Machine, "architecture" | "console">> {
  const architecture = kernelArchitecture(kernel) ?? ownArchitecture().name;
  return { architecture, console: PLATFORMS[architecture].serial };
}

function peArchitecture(head: Buffer): ArchitectureName | undefined {
  if (head.length < PE.headerAt + 4 || head.toString("latin1", 0, PE.dosMagic.length) !== PE.dosMagic) return undefined;
  const at = head.readUInt32LE(PE.headerAt);
  if (at + PE.machineAt + 2 > head.length || head.toString("latin1", at, at + PE.magic.length) !== PE.magic) return undefined;
  return PE_MACHINES[head.readUInt16LE(at + PE.machineAt)];
}

function unpackHead(head: Buffer): Buffer {
  if (!head.subarray(0, GZIP.length).equals(GZIP)) return head;
  try {
    return gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH }); // it ends in the middle
  } catch {
    return head;
  }
}

function readHead(file: string): Buffer {
  try {
    const descriptor = openSync(file, "r");
    try {
      const head = Buffer.alloc(HEAD_BYTES);
      return head.subarray(0, readSync(descriptor, head, 0, HEAD_BYTES, 0));
    } finally {
      closeSync(descriptor);
    }
  } catch (cause) {
    throw new MkinitrdError({ tried: "opening the kernel", on: file, found: describeIoError(cause), cause });
  }
}
