import { ascii, struct, u16le, u32le } from "../binary/struct.ts";
import { MkinitrdError } from "../errors.ts";

/** Where the offset of the "PE\0\0" signature stands in the MS-DOS header. Microsoft's PE Format, "MS-DOS Stub". */
const SIGNATURE_OFFSET = 0x3c;
const SIGNATURE = "PE\0\0";

/** Behind the signature. PE Format, "COFF File Header". */
const coffHeader = struct("COFF header", 20, {
  machine:            u16le(0),
  numberOfSections:   u16le(2),
  sizeOfOptionalHeader: u16le(16), // lies between this header and the section table
});

/** PE Format, "Section Table (Section Headers)". */
const sectionHeader = struct("PE section header", 40, {
  name:             ascii(0, 8),   // ".initrd"
  virtualSize:      u32le(8),      // bytes that mean something
  sizeOfRawData:    u32le(16),     // bytes in the file, filled up
  pointerToRawData: u32le(20),     // from the file's start
});

/** Whether bytes begin as a PE file does, an EFI program or a kernel with an EFI stub among them. */
export function isPe(bytes: Buffer): boolean {
  return bytes.length >= SIGNATURE_OFFSET + 4 && bytes.toString("latin1", 0, 2) === "MZ";
}

/** The content of a PE file's section, undefined where it has none of this name. Throws when the file is damaged. */
export function peSection(bytes: Buffer, wanted: string, name: string): Buffer | undefined {
  const broken = (found: string) => new MkinitrdError({ tried: "reading the sections of an EFI program", on: name, found });
  const signature = bytes.readUInt32LE(SIGNATURE_OFFSET);
  if (bytes.toString("latin1", signature, signature + 4) !== SIGNATURE) throw broken(`no "PE" at byte ${signature}, where the header says it is`);
  const { numberOfSections, sizeOfOptionalHeader } = coffHeader.decode(bytes, signature + 4);
  const table = signature + 4 + coffHeader.sizeBytes + sizeOfOptionalHeader;
  for (let index = 0; index < numberOfSections; index++) {
    const { name: found, virtualSize, sizeOfRawData, pointerToRawData } = sectionHeader.decode(bytes, table + index * sectionHeader.sizeBytes);
    if (found !== wanted) continue;
    const end = pointerToRawData + Math.min(virtualSize, sizeOfRawData);
    if (end > bytes.length) throw broken(`the section ${wanted} ends at byte ${end}, the file at ${bytes.length}`);
    return bytes.subarray(pointerToRawData, end);
  }
  return undefined;
}
