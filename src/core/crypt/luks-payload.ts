import { SECTOR_BYTES, type Source } from "../binary/source.ts";
import { toNumber } from "../binary/struct.ts";
import type { Crypt } from "../dm/crypt.ts";
import type { Device } from "../dm/device.ts";
import { MkinitrdError } from "../errors.ts";
import type { Luks1Header } from "../formats/luks1.ts";
import type { Luks2Header } from "../formats/luks2.ts";

/**
 * The table that makes the payload of a LUKS volume readable: one target. Throws where one key and one cipher are not all of it: a
 * volume that is being reencrypted, one with integrity, one whose drive encrypts by itself.
 */
export function luksPayload(header: Luks1Header | Luks2Header, volumeKey: Buffer, device: Device): Crypt {
  const { source } = device;
  if ("metadata" in header) return luks2Payload(header, volumeKey, device);
  const { cipherMode, cipherName, payloadSector } = header;
  if (payloadSector === 0) throw refusal(source, "its header says that the payload is on another device", "inspect that device with --header");
  return { ...rest(source, payloadSector * SECTOR_BYTES), cipher: `${cipherName}-${cipherMode}`, key: volumeKey, ivOffsetSectors: 0, device, options: [] };
}

function luks2Payload({ metadata }: Luks2Header, volumeKey: Buffer, device: Device): Crypt {
  const { source } = device;
  const [segment, ...others] = metadata.segments.filter(({ flags }) => !flags.some((flag) => flag.startsWith("backup-")));
  const reencrypted = metadata.config.requirements.some((name) => name.includes("reencrypt"));
  if (reencrypted || others.length > 0) throw refusal(source, "it is being reencrypted", "finish that first: cryptsetup reencrypt --resume-only");
  if (segment?.crypt === undefined) throw refusal(source, `its segment is of the type ${segment?.type ?? "none"}, known here: crypt`, "open it with cryptsetup");
  const { encryption, integrity, ivTweak, sectorBytes } = segment.crypt;
  if (segment.type !== "crypt") throw refusal(source, `its segment is of the type ${segment.type}, known here: crypt`, "open it with cryptsetup");
  if (integrity !== undefined) throw refusal(source, `it has integrity (${integrity})`, "open it with cryptsetup, which sets up dm-integrity");
  const offsetBytes = toNumber(segment.offsetBytes, `the offset of the segment on ${source.name}`);
  const range = segment.sizeBytes === "dynamic" ? rest(source, offsetBytes) : { ...rest(source, offsetBytes), lengthSectors: toNumber(segment.sizeBytes, `the size of the segment on ${source.name}`) / SECTOR_BYTES };
  return {
    ...range, cipher: encryption, key: volumeKey, ivOffsetSectors: toNumber(ivTweak, `the IV of the segment on ${source.name}`), device,
    options: sectorBytes === SECTOR_BYTES ? [] : [`sector_size:${sectorBytes}`],
  };
}

/** From an offset to the end of the device, in whole sectors. */
function rest(source: Source, offsetBytes: number): Pick<Crypt, "startSector" | "lengthSectors" | "deviceSector"> {
  const lengthSectors = Math.floor((source.sizeBytes - offsetBytes) / SECTOR_BYTES);
  if (lengthSectors <= 0) throw refusal(source, `the payload begins at byte ${offsetBytes}, the volume ends at byte ${source.sizeBytes}`, "check that the disk or image file is whole");
  return { startSector: 0, lengthSectors, deviceSector: offsetBytes / SECTOR_BYTES };
}

function refusal(source: Source, found: string, next: string): MkinitrdError {
  return new MkinitrdError({ tried: "opening the LUKS volume", on: source.name, found, next });
}
