import { checkRange, SECTOR_BYTES, window } from "../binary/source.ts";
import type { Source } from "../binary/source.ts";
import { MkinitrdError } from "../errors.ts";
import { parseCipher } from "./crypt-cipher.ts";
import type { Device, Span } from "./device.ts";
import { sectorCipher } from "./sector-cipher.ts";
import type { TableWords } from "./table-words.ts";
import { quote } from "../quote.ts";

/** dm-crypt. Sectors are 512 bytes. Linux Documentation/admin-guide/device-mapper/dm-crypt.rst. */
export interface Crypt extends Span {
  /** `aes-xts-plain64`, `capi:xts(aes)-plain64`. */
  cipher: string;
  /** The volume key. The caller's own: neither copied nor wiped here. */
  key: Buffer;
  /** Where the kernel takes the key from, as the table has it: `:64:logon:cryptsetup:UUID-d0`. */
  keyring?: string;
  /** Added to the target's own sectors for the IV. */
  ivOffsetSectors: number;
  device: Device;
  deviceSector: number;
  /** As they stand: `allow_discards`, `sector_size:4096`, `iv_large_sectors`. */
  options: string[];
}

const KNOWN_OPTIONS = ["allow_discards", "same_cpu_crypt", "high_priority", "submit_from_crypt_cpus", "no_read_workqueue", "no_write_workqueue", "iv_large_sectors", "sector_size:BYTES"];

/**
 * The target's line of a table, as `dmsetup table` prints it: with zeros for a key that is not in the keyring, unless it is
 * asked for, as by `dmsetup table --showkeys`.
 */
export function cryptLine(target: Crypt, { showKeys = false } = {}): string {
  const { cipher, device, deviceSector, ivOffsetSectors, key, keyring, lengthSectors, options, startSector } = target;
  const shown = keyring ?? (key.length === 0 ? "-" : showKeys ? key.toString("hex") : "0".repeat(2 * key.length));
  const optional = options.length === 0 ? "" : ` ${options.length} ${options.join(" ")}`;
  return `${startSector} ${lengthSectors} crypt ${cipher} ${shown} ${ivOffsetSectors} ${device.path} ${deviceSector}${optional}`;
}

/** Reads what stands behind `crypt`. A key that is in the keyring is an empty one here. */
export function parseCrypt(span: Span, words: TableWords): Crypt {
  const cipher = words.word("the cipher");
  const key = words.word("the key");
  const isKeyring = /^:\d+:(logon|user|encrypted|trusted):./.test(key);
  if (!isKeyring && key !== "-" && !/^([0-9a-f]{2})+$/i.test(key)) throw words.failure("the key is neither hexadecimal nor a key of the keyring");
  return {
    ...span,
    cipher,
    key: Buffer.from(isKeyring || key === "-" ? "" : key, "hex"),
    ...(isKeyring ? { keyring: key } : {}),
    ivOffsetSectors: words.number("the IV offset"),
    device: words.device("the device"),
    deviceSector: words.number("the sector of the device"),
    options: words.options("options"),
  };
}

/**
 * The target's bytes, decrypted, from its own start on. Throws when the cipher or an option is unknown, and when the device
 * ends before the target does. `close` wipes what was derived of the key; the key stays the caller's.
 */
export function openCrypt(target: Crypt): Source {
  const { cipher, device, deviceSector, ivOffsetSectors, key, keyring, lengthSectors } = target;
  const { isLarge, sectorBytes } = readOptions(target);
  const spec = parseCipher(cipher);
  if (key.length === 0 && spec.cipher !== "null") throw failure(target, keyring === undefined ? "it has no key" : "its key is in the kernel's keyring, where nobody can read it");
  if (spec.mode === "xts" && key.length % 2 !== 0) throw failure(target, `a key of ${key.length} bytes has no two halves`);
  const sectors = sectorBytes / SECTOR_BYTES;
  const uneven = [lengthSectors, ivOffsetSectors].find((value) => value % sectors !== 0);
  if (uneven !== undefined) throw failure(target, `${uneven} sectors are no whole number of those of ${sectorBytes} bytes`);
  const below = window(device.source, deviceSector * SECTOR_BYTES, lengthSectors * SECTOR_BYTES);
  const sector = sectorCipher(spec, key, sectorBytes);
  let isClosed = false;
  return {
    name: device.source.name,
    sizeBytes: lengthSectors * SECTOR_BYTES,
    async read(offsetBytes, lengthBytes) {
      checkRange(this, offsetBytes, lengthBytes);
      const start = offsetBytes - (offsetBytes % sectorBytes);
      const end = Math.ceil((offsetBytes + lengthBytes) / sectorBytes) * sectorBytes;
      const bytes = lengthBytes === 0 ? Buffer.alloc(0) : await below.read(start, end - start);
      if (isClosed) throw failure(target, "it is closed");
      const first = ivOffsetSectors + start / SECTOR_BYTES;
      sector.decrypt(bytes, isLarge ? first / sectors : first, isLarge ? 1 : sectors);
      return bytes.subarray(offsetBytes - start, offsetBytes - start + lengthBytes);
    },
    async close() {
      if (!isClosed) sector.wipe();
      isClosed = true;
    },
  };
}

function readOptions(target: Crypt): { isLarge: boolean; sectorBytes: number } {
  let sectorBytes = SECTOR_BYTES;
  for (const option of target.options) {
    const [, size] = /^sector_size:(\d{3,4})$/.exec(option) ?? [];
    if (size !== undefined && [512, 1024, 2048, 4096].includes(Number(size))) sectorBytes = Number(size);
    else if (option.startsWith("integrity")) throw failure(target, `${option}: what is authenticated can't be read here`);
    else if (!KNOWN_OPTIONS.includes(option)) throw failure(target, `the option ${quote(option)} is unknown; known: ${KNOWN_OPTIONS.join(", ")}`);
  }
  return { isLarge: target.options.includes("iv_large_sectors"), sectorBytes };
}

function failure({ cipher, device }: Crypt, found: string): MkinitrdError {
  return new MkinitrdError({ tried: `opening a crypt target with ${cipher}`, on: device.source.name, found });
}
