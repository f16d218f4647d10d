import { createHash } from "node:crypto";
import { md0Byte } from "../../src/core/formats/md0.ts";
import { type Disk, readDisk } from "./disk.ts";
import type { Looked } from "./fields.ts";

/** `the header's CRC is 0x1f0c22ab, the header says 0x9d0be417`: the reader itself tells what would be right. */
const WRONG = /(?:CRC|checksum|sum)[^;\n]*? is 0x([0-9a-f]{8}), [^;\n]*?says 0x([0-9a-f]{8})/g;

/**
 * The disks with the checksums right that `said`, what a reader said of them, calls wrong: the stored one is a field that the reader
 * looked at. LUKS2's and md 0.90's, which no message gives whole, are made right wherever they lie. Undefined when there was nothing to do.
 */
export function sealed(disks: readonly Disk[], { fields }: Looked, said: string): Disk[] | undefined {
  const changed = disks.map((disk) => ({ ...disk, patches: [...disk.patches] }));
  let isChanged = false;
  for (const [, right = "", stored = ""] of said.matchAll(WRONG)) {
    for (const { at, disk, kind, lengthBytes } of fields) {
      if (lengthBytes !== 4 || kind === "text" || at + 4 > changed[disk]!.sizeBytes) continue;
      const now = readDisk(changed[disk]!, at, 4);
      if (now.toString("hex") !== inOrder(stored, kind).toString("hex")) continue;
      changed[disk]!.patches.push({ at, bytes: inOrder(right, kind) });
      isChanged = true;
    }
  }
  for (const disk of changed) {
    for (const at of [0, ...LUKS2_SIZES]) isChanged = sealLuks2(disk, at) || isChanged;
    isChanged = sealMd0(disk) || isChanged;
  }
  return isChanged ? changed : undefined;
}

const inOrder = (hex: string, kind: "le" | "be"): Buffer => (kind === "be" ? Buffer.from(hex, "hex") : Buffer.from(hex, "hex").reverse());

const LUKS2_SIZES = [16384, 32768, 65536, 131072, 262144, 524288, 1048576, 2097152, 4194304];
const [CHECKSUM_BYTE, CHECKSUM_BYTES] = [448, 64];

/** LUKS2 On-Disk Format Specification 1.1.4, section 2.1. */
function sealLuks2(disk: Disk, at: number): boolean {
  if (at + 4096 > disk.sizeBytes) return false;
  const head = readDisk(disk, at, 512);
  if (!/^(LUKS\xba\xbe|SKUL\xba\xbe)\0\x02$/.test(head.toString("latin1", 0, 8))) return false;
  const size = Number(head.readBigUInt64BE(8));
  if (!LUKS2_SIZES.includes(size) || at + size > disk.sizeBytes) return false;
  const bytes = readDisk(disk, at, size).fill(0, CHECKSUM_BYTE, CHECKSUM_BYTE + CHECKSUM_BYTES);
  const sum = createHash("sha256").update(bytes).digest();
  if (head.subarray(CHECKSUM_BYTE, CHECKSUM_BYTE + sum.length).equals(sum)) return false;
  disk.patches.push({ at: at + CHECKSUM_BYTE, bytes: sum });
  return true;
}

/** Linux drivers/md/md.c, calc_sb_csum: the sum of all words, with the carries added. */
function sealMd0(disk: Disk): boolean {
  const at = md0Byte(disk.sizeBytes);
  if (at === undefined) return false;
  const bytes = readDisk(disk, at, 4096);
  if (bytes.readUInt32LE() !== 0xa92b4efc || bytes.readUInt32LE(4) !== 0) return false;
  const stored = bytes.readUInt32LE(MD0_CHECKSUM_BYTE);
  let sum = 0;
  for (let word = 0; word < 4096; word += 4) if (word !== MD0_CHECKSUM_BYTE) sum += bytes.readUInt32LE(word);
  const right = ((sum % 2 ** 32) + Math.floor(sum / 2 ** 32)) >>> 0;
  if (stored === right) return false;
  const sealedSum = Buffer.alloc(4);
  sealedSum.writeUInt32LE(right);
  disk.patches.push({ at: at + MD0_CHECKSUM_BYTE, bytes: sealedSum });
  return true;
}

const MD0_CHECKSUM_BYTE = 152;
