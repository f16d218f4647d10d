import { SECTOR_BYTES, type Source } from "../binary/source.ts";
import { toNumber } from "../binary/struct.ts";
import type { Crypt } from "../dm/crypt.ts";
import type { Device } from "../dm/device.ts";
import { MkinitrdError } from "../errors.ts";
import type { Luks1Header } from "../formats/luks1.ts";
import { type Luks2Header, reencryptionNote } from "../formats/luks2.ts";

/**
 * The table that makes the payload of a LUKS volume readable: one target. `detached`: the header was read from elsewhere, and `device` has
 * the payload alone. Throws where one key and one cipher are not all of it: a volume that is being reencrypted, one with integrity, one
 * whose drive encrypts by itself.
 */
export function luksPayload(header: Luks1Header | Luks2Header, volumeKey: Buffer, device: Device, { detached = false } = {}): Crypt {
  const { source } = device;
  if ("metadata" in header) return luks2Payload(header, volumeKey, device, detached);
  const { cipherMode, cipherName, payloadSector } = header;
  if (payloadSector === 0 && !detached) throw elsewhere(source);
  return { ...rest(source, payloadSector * SECTOR_BYTES), cipher: `${cipherName}-${cipherMode}`, key: volumeKey, ivOffsetSectors: 0, device, options: [] };
}

function luks2Payload(header: Luks2Header, volumeKey: Buffer, device: Device, detached: boolean): Crypt {
  const { source } = device;
  const { headerBytes, metadata } = header;
  const [segment, ...others] = metadata.segments.filter(({ flags }) => !flags.some((flag) => flag.startsWith("backup-")));
  const reencryption = reencryptionNote(header) ?? (others.length > 0 ? "it has several segments" : undefined);
  if (reencryption !== undefined) throw refusal(source, reencryption, "finish that first, or open it with cryptsetup");
  if (segment?.crypt === undefined) throw refusal(source, `its segment is of the type ${segment?.type ?? "none"}, known here: crypt`, "open it with cryptsetup");
  const { encryption, integrity, ivTweak, sectorBytes } = segment.crypt;
  if (segment.type !== "crypt") throw refusal(source, `its segment is of the type ${segment.type}, known here: crypt`, "open it with cryptsetup");
  if (integrity !== undefined) throw refusal(source, `it has integrity (${integrity})`, "open it with cryptsetup, which sets up dm-integrity");
  const offsetBytes = toNumber(segment.offsetBytes, `the offset of the segment on ${source.name}`);
  if (!detached && offsetBytes < 2 * headerBytes) throw elsewhere(source);
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

function elsewhere(source: Source): MkinitrdError {
  return refusal(source, "its header says that the payload is on another device", `name the volume that has the payload: --header VOLUME=${source.name}`);
}

function refusal(source: Source, found: string, next: string): MkinitrdError {
  return new MkinitrdError({ tried: "opening the LUKS volume", on: source.name, found, next });
}
