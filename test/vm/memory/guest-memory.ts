import { readFileSync, rmSync } from "node:fs";
import type { Guest } from "../../../src/host/qemu/guest.ts";

export const PAGE_BYTES = 4096;
const ADDRESS_BITS = 0x000f_ffff_ffff_f000n;
const [PRESENT, LARGE] = [1n, 1n << 7n];

/** A guest's memory at one moment, with addresses as its processor translates them (x86-64, four levels; Intel SDM, volume 3, 4.5). */
export interface GuestMemory {
  readonly bytes: Buffer;
  /** The runs of pages that are not empty. */
  readonly written: readonly { start: number; end: number }[];
  /** What the kernel tells of itself for dumps; Documentation/admin-guide/kdump/vmcoreinfo.rst. */
  readonly info: ReadonlyMap<string, bigint>;
  /** The page table of the kernel itself, as a physical address. */
  readonly kernelTable: number;
  /** The physical address behind a virtual one; undefined where nothing is mapped. */
  physical(table: number, address: bigint): number | undefined;
  /** The pages that a table maps below `from`'s entry up to `to`'s, of its 512 entries; a large page comes as its first. */
  mapped(table: number, from: number, to: number): Generator<{ address: bigint; physical: number; sizeBytes: number }>;
}

/** Takes the memory of a guest that stands still meanwhile. It must have been started with `nokaslr` and less than 3 GiB. */
export async function dumpMemory(guest: Guest, memoryMiB: number, file: string): Promise<GuestMemory> {
  await guest.qmp("stop");
  try {
    await guest.qmp("pmemsave", { val: 0, size: memoryMiB * 1024 * 1024, filename: file });
    return readMemory(readFileSync(file));
  } finally {
    rmSync(file, { force: true });
    await guest.qmp("cont");
  }
}

function readMemory(bytes: Buffer): GuestMemory {
  const info = readInfo(bytes);
  const tableAddress = need(info, "SYMBOL(swapper_pg_dir)");
  const kernelTable = Number(tableAddress - KERNEL_TEXT);
  const entry = (table: number, index: number) => (table + PAGE_BYTES <= bytes.length ? bytes.readBigUInt64LE(table + 8 * index) : 0n);
  const target = (value: bigint) => Number(value & ADDRESS_BITS);

  function physical(table: number, address: bigint): number | undefined {
    let at = table;
    for (const shift of [39n, 30n, 21n, 12n]) {
      const value = entry(at, Number((address >> shift) & 511n));
      if ((value & PRESENT) === 0n) return undefined;
      const sizeBytes = 2 ** Number(shift);
      if (shift === 12n || (shift < 39n && (value & LARGE) !== 0n)) {
        const found = Math.floor(target(value) / sizeBytes) * sizeBytes + Number(address & BigInt(sizeBytes - 1));
        return found < bytes.length ? found : undefined;
      }
      at = target(value);
    }
    return undefined;
  }

  function* mapped(table: number, from: number, to: number, shift = 39n, base = 0n): ReturnType<GuestMemory["mapped"]> {
    for (let index = from; index <= to; index++) {
      const value = entry(table, index);
      if ((value & PRESENT) === 0n) continue;
      const address = base | (BigInt(index) << shift);
      if (shift === 12n || (shift < 39n && (value & LARGE) !== 0n)) yield { address, physical: target(value), sizeBytes: 2 ** Number(shift) };
      else yield* mapped(target(value), 0, 511, shift - 9n, address);
    }
  }

  return { bytes, written: findWritten(bytes), info, kernelTable, physical, mapped };
}

function findWritten(bytes: Buffer): { start: number; end: number }[] {
  const empty = Buffer.alloc(PAGE_BYTES);
  const runs: { start: number; end: number }[] = [];
  for (let start = 0; start < bytes.length; start += PAGE_BYTES) {
    if (bytes.compare(empty, 0, PAGE_BYTES, start, start + PAGE_BYTES) === 0) continue;
    const last = runs.at(-1);
    if (last?.end === start) last.end += PAGE_BYTES;
    else runs.push({ start, end: start + PAGE_BYTES });
  }
  return runs;
}

/** Where the kernel's own image is mapped without KASLR; Documentation/x86/x86_64/mm.rst. */
const KERNEL_TEXT = 0xffff_ffff_8000_0000n;

/** Lines `NAME=HEX` or `NAME=DECIMAL`: addresses are hexadecimal, all else is decimal. */
function readInfo(bytes: Buffer): ReadonlyMap<string, bigint> {
  for (let at = bytes.indexOf("OSRELEASE="); at !== -1; at = bytes.indexOf("OSRELEASE=", at + 1)) {
    const text = bytes.toString("latin1", at, bytes.indexOf(0, at));
    if (!text.includes("\nSYMBOL(swapper_pg_dir)=")) continue;
    return new Map([...text.matchAll(/^(\S+?)=([0-9a-fA-F-]+)$/gm)].map(([, name = "", value = ""]) => [name, number(name, value)]));
  }
  throw new Error("the dump has no VMCOREINFO");
}

function number(name: string, value: string): bigint {
  if (name.startsWith("SYMBOL(")) return BigInt(`0x${value}`);
  return /^-?\d+$/.test(value) ? BigInt(value) : BigInt(`0x${value}`);
}

/** What the kernel says of itself, which must be there. */
export function need(info: ReadonlyMap<string, bigint>, name: string): bigint {
  const value = info.get(name);
  if (value === undefined) throw new Error(`the kernel's VMCOREINFO does not tell ${name}`);
  return value;
}
