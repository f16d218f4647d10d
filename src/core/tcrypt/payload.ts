import { SECTOR_BYTES, type Source } from "../binary/source.ts";
import { type Crypt, openCrypt } from "../dm/crypt.ts";
import type { Device } from "../dm/device.ts";
import type { Target } from "../dm/table.ts";
import { MkinitrdError } from "../errors.ts";
import { HEADER_PLACES } from "../formats/truecrypt.ts";
import type { FoundHeader } from "./header-search.ts";

/** The first version whose header says where a hidden volume lies. */
const OFFSET_FROM_VERSION = 4;

/** An opened volume: its bytes, and the devices that make them, those that others lie on first. */
export interface OpenedTcrypt {
  source: Source;
  tables: { name: string; targets: [Target] }[];
  /** Copies of the keys, which the caller wipes. */
  keys: Buffer[];
}

/**
 * Opens a TrueCrypt or VeraCrypt volume as `name`; of a cascade the lower ones are `name_2` and `name_1`, as cryptsetup calls them. Of system
 * encryption `device` is one partition, and `startSector` where it begins on the disk. Throws when the payload is not all on the device.
 */
export function openTcrypt(found: FoundHeader, device: Device, name: string, startSector?: number): OpenedTcrypt {
  const { cipher: { layers }, header } = found;
  const range = startSector === undefined ? rangeOf(found, device.source) : systemRange(found, device.source, startSector);
  const opened: OpenedTcrypt = { source: device.source, tables: [], keys: [] };
  const sources: Source[] = [];
  for (const [index, { dm, key }] of layers.entries()) {
    const above = layers.length - 1 - index;
    const own: Device = index === 0 ? device : { path: `/dev/mapper/${opened.tables.at(-1)!.name}`, source: opened.source };
    const target: Crypt = { startSector: 0, lengthSectors: range.lengthSectors, cipher: dm, key: key(header.keys), ivOffsetSectors: range.ivOffsetSectors, device: own, deviceSector: index === 0 ? range.deviceSector : 0, options: [] };
    opened.keys.push(target.key);
    opened.tables.push({ name: above === 0 ? name : `${name}_${above}`, targets: [{ type: "crypt", ...target }] });
    try {
      opened.source = openCrypt(target);
    } catch (error) {
      for (const secret of opened.keys) secret.fill(0);
      for (const below of sources) void below.close?.(); // what was derived of their keys
      throw error;
    }
    sources.push(opened.source);
  }
  const { source } = opened;
  const path = `/dev/mapper/${name}`;
  return { ...opened, source: { name: path, sizeBytes: source.sizeBytes, read: (offsetBytes, lengthBytes) => source.read(offsetBytes, lengthBytes), close: async () => { for (const each of sources) await each.close?.(); } } };
}

type Range = Pick<Crypt, "deviceSector" | "ivOffsetSectors" | "lengthSectors">;

function rangeOf({ cipher: { mode }, header, place }: FoundHeader, source: Source): Range {
  const { hiddenVolumeBytes, inPlace, payloadBytes, payloadOffsetBytes, version, volumeBytes } = header;
  if (inPlace && payloadBytes !== volumeBytes) throw unfinished(source, `${payloadBytes} of its ${volumeBytes} bytes are encrypted`);
  // Before TrueCrypt 6 a hidden volume ends where its header begins.
  const offsetBytes = hiddenVolumeBytes !== undefined && version < OFFSET_FROM_VERSION ? source.sizeBytes + HEADER_PLACES.hiddenOld - hiddenVolumeBytes : payloadOffsetBytes;
  // TrueCrypt before 5 says nothing of the size: it is all that the device has.
  const sizeBytes = hiddenVolumeBytes ?? (volumeBytes || source.sizeBytes - offsetBytes);
  if (sizeBytes < SECTOR_BYTES || offsetBytes < 0 || offsetBytes + sizeBytes > source.sizeBytes) {
    throw refusal(source, `the ${place} header says that it has ${sizeBytes} bytes from byte ${offsetBytes} on, the device ends at byte ${source.sizeBytes}`, "check that the disk or image file is whole; the option backup opens it by the copy of the header");
  }
  const deviceSector = Math.floor(offsetBytes / SECTOR_BYTES);
  // XTS counts data units from the device's start, LRW from the payload's, CBC from the header on; cryptsetup, TCRYPT_get_iv_offset.
  const ivOffsetSectors = { xts: deviceSector, lrw: 0, cbc: Math.floor(payloadOffsetBytes / SECTOR_BYTES) }[mode];
  return { deviceSector, ivOffsetSectors, lengthSectors: Math.floor(sizeBytes / SECTOR_BYTES) };
}

/** One header for the whole disk, or for one partition of it: data units are counted from the disk's start. */
function systemRange({ header: { payloadBytes, payloadOffsetBytes } }: FoundHeader, source: Source, startSector: number): Range {
  const startBytes = startSector * SECTOR_BYTES;
  if (startBytes < payloadOffsetBytes || startBytes >= payloadOffsetBytes + payloadBytes) {
    throw refusal(source, `what is encrypted begins at byte ${payloadOffsetBytes} of the disk and has ${payloadBytes} bytes, the partition begins at byte ${startBytes}`, "name the partition that is encrypted");
  }
  const encryptedBytes = payloadOffsetBytes + payloadBytes - startBytes;
  if (encryptedBytes < source.sizeBytes) throw unfinished(source, `${encryptedBytes} of its ${source.sizeBytes} bytes are encrypted`);
  return { deviceSector: 0, ivOffsetSectors: startSector, lengthSectors: Math.floor(source.sizeBytes / SECTOR_BYTES) };
}

function unfinished(source: Source, found: string): MkinitrdError {
  return refusal(source, `its encryption has not ended: ${found}`, "let the program that began it end it, or decrypt it there");
}

function refusal(source: Source, found: string, next: string): MkinitrdError {
  return new MkinitrdError({ tried: "opening the TrueCrypt or VeraCrypt volume", on: source.name, found, next });
}
