import { getHashes } from "node:crypto";
import { checkRange, SECTOR_BYTES, window } from "../binary/source.ts";
import type { Source } from "../binary/source.ts";
import { MkinitrdError } from "../errors.ts";
import { quote } from "../quote.ts";
import type { Device, Span } from "./device.ts";
import type { TableWords } from "./table-words.ts";
import { hashTree } from "./verity-tree.ts";

/** dm-verity. Linux Documentation/admin-guide/device-mapper/verity.rst. */
export interface Verity extends Span {
  /** 1; 0 is that of Chromium OS: the salt behind the data, and no space between the digests. */
  hashType: 0 | 1;
  dataDevice: Device;
  hashDevice: Device;
  dataBlockBytes: number;
  hashBlockBytes: number;
  dataBlocks: number;
  /** Where the hash tree begins on the hash device, in hash blocks: behind a superblock, 1 or more. */
  hashStartBlock: number;
  /** As the kernel calls it: `sha256`. */
  algorithm: string;
  rootDigest: Buffer;
  /** May be empty. */
  salt: Buffer;
  /** As they stand: `ignore_zero_blocks`, `use_fec_from_device`, `/dev/vdb`. */
  options: string[];
}

/** The target's line of a table, as `dmsetup create` takes it. */
export function verityLine(target: Verity): string {
  const { algorithm, dataBlockBytes, dataBlocks, dataDevice, hashBlockBytes, hashDevice, hashStartBlock, hashType } = target;
  const { lengthSectors, options, rootDigest, salt, startSector } = target;
  const optional = options.length === 0 ? "" : ` ${options.length} ${options.join(" ")}`;
  return `${startSector} ${lengthSectors} verity ${hashType} ${dataDevice.path} ${hashDevice.path} ${dataBlockBytes} ${hashBlockBytes} ` +
    `${dataBlocks} ${hashStartBlock} ${algorithm} ${rootDigest.toString("hex")} ${salt.toString("hex") || "-"}${optional}`;
}

/** Reads what stands behind `verity`. */
export function parseVerity(span: Span, words: TableWords): Verity {
  const hashType = words.number("the hash type");
  if (hashType !== 0 && hashType !== 1) throw words.failure(`the hash type is ${hashType}; known: 0, 1`);
  const hex = (what: string): Buffer => {
    const word = words.word(what);
    if (word !== "-" && !/^([0-9a-f]{2})+$/i.test(word)) throw words.failure(`${what} is ${quote(word)}, which is not hexadecimal`);
    return Buffer.from(word === "-" ? "" : word, "hex");
  };
  return {
    ...span,
    hashType,
    dataDevice: words.device("the data device"),
    hashDevice: words.device("the hash device"),
    dataBlockBytes: words.number("the size of a data block"),
    hashBlockBytes: words.number("the size of a hash block"),
    dataBlocks: words.number("the number of data blocks"),
    hashStartBlock: words.number("the first hash block"),
    algorithm: words.word("the hash algorithm"),
    rootDigest: hex("the root digest"),
    salt: hex("the salt"),
    options: words.options("options"),
  };
}

/** OpenSSL's names where the kernel has others. */
const NAMES: Record<string, string> = { "blake2b-512": "blake2b512", "blake2s-256": "blake2s256", rmd160: "ripemd160", wp512: "whirlpool" };

/**
 * The target's bytes, each block verified against the root digest before it is given out, whatever the options say to
 * corruption. Throws for parameters that can't be, and when a device is too short.
 */
export function openVerity(target: Verity): Source {
  const { algorithm, dataBlockBytes, dataBlocks, dataDevice, lengthSectors, options } = target;
  const hash = NAMES[algorithm] ?? algorithm;
  if (!getHashes().includes(hash)) throw failure(target, `the hash algorithm ${quote(algorithm)} can't be computed here`);
  for (const size of [dataBlockBytes, target.hashBlockBytes]) {
    if (size < 512 || size > 65_536 || !Number.isInteger(Math.log2(size))) throw failure(target, `a block has ${size} bytes; it can be 512 to 65536, a power of two`);
  }
  const sizeBytes = lengthSectors * SECTOR_BYTES;
  if (!Number.isSafeInteger(dataBlocks * dataBlockBytes) || sizeBytes > dataBlocks * dataBlockBytes) {
    throw failure(target, `it has ${lengthSectors} sectors, and the hash tree covers ${dataBlocks} blocks of ${dataBlockBytes} bytes`);
  }
  const data = window(dataDevice.source, 0, dataBlocks * dataBlockBytes);
  const tree = hashTree(target, hash);
  const zeros = options.includes("ignore_zero_blocks") ? tree.digest(Buffer.alloc(dataBlockBytes)) : undefined;
  return {
    name: dataDevice.source.name,
    sizeBytes,
    async read(offsetBytes, lengthBytes) {
      checkRange(this, offsetBytes, lengthBytes);
      if (lengthBytes === 0) return Buffer.alloc(0);
      const first = Math.floor(offsetBytes / dataBlockBytes);
      const end = Math.ceil((offsetBytes + lengthBytes) / dataBlockBytes);
      const bytes = await data.read(first * dataBlockBytes, (end - first) * dataBlockBytes);
      for (let block = first; block < end; block++) {
        const at = (block - first) * dataBlockBytes;
        const piece = bytes.subarray(at, at + dataBlockBytes);
        const expected = await tree.digestOf(block);
        if (zeros?.equals(expected) === true) piece.fill(0); // as the kernel: such a block may hold anything
        else if (!tree.digest(piece).equals(expected)) throw damage(target, block);
      }
      return bytes.subarray(offsetBytes - first * dataBlockBytes, offsetBytes - first * dataBlockBytes + lengthBytes);
    },
  };
}

function damage({ dataBlockBytes, dataDevice }: Verity, block: number): MkinitrdError {
  return new MkinitrdError({
    tried: "verifying",
    on: dataDevice.source.name,
    found: `data block ${block}, at byte ${block * dataBlockBytes}, is not what the hash tree says`,
    next: "the data was changed or is damaged: take it from where it was made",
  });
}

function failure({ dataDevice }: Verity, found: string): MkinitrdError {
  return new MkinitrdError({ tried: "opening a verity target", on: dataDevice.source.name, found });
}
