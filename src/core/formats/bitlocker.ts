import type { Source } from "../binary/source.ts";
import { ascii, guid, struct, toNumber, u16le, u32le, u64le } from "../binary/struct.ts";
import { MkinitrdError } from "../errors.ts";
import type { Content } from "./content.ts";
import { identity, utf16Label } from "./label.ts";
import { hasMagic, readInside } from "./superblock.ts";

/** The boot sector's place for the FVE metadata: Windows 7 and later, and To Go, which looks like a FAT32. libbde, BDE format. */
export const bitlockerSector = struct("BitLocker boot sector", 512, { metadataByte: u64le(176) });
export const bitlockerToGoSector = struct("BitLocker To Go boot sector", 512, { metadataByte: u64le(440) });

/** FVE metadata block header, and the header of the entries behind it. libbde, BDE format, "FVE metadata". */
export const bitlockerMetadata = struct("BitLocker FVE metadata", 112, {
  signature: ascii(0, 8), // "-FVE-FS-"
  version: u16le(10),
  sizeBytes: u32le(64), // of all from here on
  volumeGuid: guid(80),
});
const HEADER_BYTE = 64;
export const bitlockerEntry = struct("BitLocker FVE entry", 8, { sizeBytes: u16le(0), kind: u16le(2), valueType: u16le(4) });
const DESCRIPTION = 7;
const TEXT = 2;

const VISTA = "\xeb\x52\x90-FVE-FS-";
const WINDOWS_7 = "\xeb\x58\x90-FVE-FS-";
const TO_GO = "\xeb\x58\x90MSWIN4.1"; // of a FAT32, too
const LARGEST_METADATA = 64 * 1024;

/**
 * A BitLocker volume; UUID and label are those of the FVE metadata, which Vista's has elsewhere. Undefined without a
 * signature; throws when the boot sector is BitLocker's and no metadata is where it says. Reads at most 65 KiB.
 */
export async function probeBitlocker(source: Source): Promise<Content | undefined> {
  const boot = await readInside(source, 0, bitlockerSector.sizeBytes);
  if (boot === undefined) return undefined;
  if (hasMagic(boot, 0, VISTA)) return { type: "BitLocker" };
  const isToGo = hasMagic(boot, 0, TO_GO);
  if (!isToGo && !hasMagic(boot, 0, WINDOWS_7)) return undefined;
  const { metadataByte } = (isToGo ? bitlockerToGoSector : bitlockerSector).decode(boot);
  const startByte = metadataByte % 64n === 0n && metadataByte < BigInt(source.sizeBytes) ? toNumber(metadataByte, "the FVE metadata") : -1;
  const raw = await readInside(source, startByte, bitlockerMetadata.sizeBytes);
  if (raw === undefined || !hasMagic(raw, 0, "-FVE-FS-")) {
    if (isToGo) return undefined;
    throw failure(source, `the boot sector names byte ${metadataByte} for the FVE metadata, which is not there`);
  }
  const { sizeBytes, version, volumeGuid } = bitlockerMetadata.decode(raw);
  if (sizeBytes > LARGEST_METADATA) throw failure(source, `the FVE metadata has ${sizeBytes} bytes`);
  const whole = await readInside(source, startByte, HEADER_BYTE + sizeBytes);
  return { type: "BitLocker", version: `${version}`, ...identity(volumeGuid, whole && findDescription(whole)) };
}

/** What Windows wrote about the volume: its machine, its name and the day. */
function findDescription(whole: Buffer): string | undefined {
  for (let at = bitlockerMetadata.sizeBytes; at + bitlockerEntry.sizeBytes <= whole.length;) {
    const { kind, sizeBytes, valueType } = bitlockerEntry.decode(whole, at);
    if (sizeBytes < bitlockerEntry.sizeBytes || at + sizeBytes > whole.length) return undefined;
    if (kind === DESCRIPTION && valueType === TEXT) return utf16Label(whole.subarray(at + bitlockerEntry.sizeBytes, at + sizeBytes));
    at += sizeBytes;
  }
  return undefined;
}

function failure(source: Source, found: string): MkinitrdError {
  return new MkinitrdError({ tried: "reading the BitLocker header", on: source.name, found, next: "check that the disk is whole; the metadata has three copies: cryptsetup bitlkDump" });
}
