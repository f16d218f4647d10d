import { type GuestMemory, need, PAGE_BYTES } from "./guest-memory.ts";

/** Who has a page: a program's process by its path, the kernel, or nobody. */
export interface PageOwner {
  /**
   * `process`: mapped by a program; `file`: the page cache, a tmpfs file among it; `slab`: an object of a kernel cache, which may be free again;
   * `vmalloc`: mapped by the kernel in a run of pages; `kernel`: otherwise in use by it; `free`: on a list of free pages.
   */
  kind: "process" | "file" | "slab" | "vmalloc" | "kernel" | "free";
  /** The program, the cache, or how many pages the run has. */
  detail: string;
}

// Without KASLR; Documentation/x86/x86_64/mm.rst.
const DIRECT_MAP = 0xffff_8880_0000_0000n;
const PAGE_STRUCTS = 0xffff_ea00_0000_0000n;
const entryOf = (address: bigint) => Number((address >> 39n) & 511n);
/** Entries of a page table: user space, the direct map, vmalloc, struct pages. */
const [USER_LAST, DIRECT, VMALLOC, STRUCTS] = [255, entryOf(DIRECT_MAP), entryOf(0xffff_c900_0000_0000n), entryOf(PAGE_STRUCTS)];
const MAX_ORDER = 11;
const ANONYMOUS = 1n;

interface PageStruct {
  flags: bigint;
  mapping: bigint;
  mapCount: number;
  references: number;
  order: bigint;
  /** Of a compound page's tail: where its head's structure is. */
  head: bigint | undefined;
  address: bigint;
}

/** Tells of a physical address who has its page. */
export type PageOwners = (physical: number) => PageOwner;

/** Finds the owners of pages from the guest's memory alone: nothing is asked of the guest. */
export function createPageOwners(memory: GuestMemory): PageOwners {
  const { bytes, info, kernelTable } = memory;
  const offset = (field: string) => Number(need(info, `OFFSET(page.${field})`));
  const [flagsAt, mappingAt, mapCountAt, referencesAt, privateAt, headAt] = [
    offset("flags"), offset("mapping"), offset("_mapcount"), offset("_refcount"), offset("private"), offset("compound_head")];
  const structBytes = need(info, "SIZE(page)");
  const slabFlag = 1n << need(info, "NUMBER(PG_slab)");
  const buddy = Number(need(info, "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)"));
  const programs = programsByPage(memory);
  const known = new Map<number, PageOwner>();
  const at = (address: bigint) => memory.physical(kernelTable, address);

  function readStruct(address: bigint): PageStruct | undefined {
    const place = at(address);
    if (place === undefined) return undefined;
    const head = bytes.readBigUInt64LE(place + headAt);
    return {
      address,
      flags: bytes.readBigUInt64LE(place + flagsAt),
      mapping: bytes.readBigUInt64LE(place + mappingAt),
      mapCount: bytes.readInt32LE(place + mapCountAt),
      references: bytes.readInt32LE(place + referencesAt),
      order: bytes.readBigUInt64LE(place + privateAt),
      head: (head & 1n) === 1n ? head & ~1n : undefined,
    };
  }
  const structOf = (page: number) => readStruct(PAGE_STRUCTS + BigInt(page) * structBytes);

  function isFree(page: number): boolean {
    for (let order = 0; order < MAX_ORDER; order++) {
      const first = structOf(page - (page % 2 ** order));
      if (first !== undefined && first.mapCount === buddy && first.order >= BigInt(order)) return true;
    }
    return false;
  }

  /** The name of the cache that a slab is of: in the structure of the slab a pointer to the cache, and in that one to its name. */
  function cacheName(slab: PageStruct): string {
    for (let field = 8; field <= 40; field += 8) {
      const cache = pointer(slab.address + BigInt(field));
      for (let inside = 0; cache !== undefined && inside < 0x100; inside += 8) {
        const name = pointer(cache + BigInt(inside));
        const place = name === undefined ? undefined : at(name);
        const text = place === undefined ? "" : bytes.toString("latin1", place, bytes.indexOf(0, place));
        if (/^[a-z][a-zA-Z0-9_-]{3,30}$/.test(text)) return text;
      }
    }
    return "a cache without a name";
  }

  function pointer(address: bigint): bigint | undefined {
    const place = at(address);
    if (place === undefined) return undefined;
    const value = bytes.readBigUInt64LE(place);
    return value >> 47n === 0x1ffffn && at(value) !== undefined ? value : undefined;
  }

  /** How many pages the run of the vmalloc area has that a page is in; undefined when it is in none. */
  function vmallocRun(page: number): number | undefined {
    let run: bigint[] = [];
    let found = false;
    let previous = 0n;
    for (const { address, physical, sizeBytes } of memory.mapped(kernelTable, VMALLOC, STRUCTS - 1)) {
      if (address !== previous) {
        if (found) break;
        run = [];
      }
      run.push(address);
      previous = address + BigInt(sizeBytes);
      found ||= page * PAGE_BYTES >= physical && page * PAGE_BYTES < physical + sizeBytes;
    }
    return found ? run.length : undefined;
  }

  function ownerOf(page: number): PageOwner {
    const own = structOf(page);
    if (own === undefined) return { kind: "kernel", detail: "without a struct page" };
    if (isFree(page)) return { kind: "free", detail: "with the buddy allocator" };
    const struct = own.head === undefined ? own : (readStruct(own.head) ?? own);
    if ((struct.flags & slabFlag) !== 0n) return { kind: "slab", detail: cacheName(struct) };
    const mappedBy = programs.get(page);
    if (mappedBy !== undefined || (struct.mapping & ANONYMOUS) === ANONYMOUS) return { kind: "process", detail: [...(mappedBy ?? ["one without a page table"])].join(", ") };
    if (struct.references === 0) return { kind: "free", detail: "with a processor, for its next use" };
    if (struct.mapping !== 0n) return { kind: "file", detail: "in the page cache" };
    const run = vmallocRun(page);
    return run === undefined ? { kind: "kernel", detail: `references ${struct.references}` } : { kind: "vmalloc", detail: `a run of ${run} pages` };
  }

  return (physical) => {
    const page = Math.floor(physical / PAGE_BYTES);
    const owner = known.get(page) ?? ownerOf(page);
    known.set(page, owner);
    return owner;
  };
}

/** Which programs have each page in their memory. */
function programsByPage(memory: GuestMemory): Map<number, Set<string>> {
  const programs = new Map<number, Set<string>>();
  for (const { table, program } of processTables(memory)) {
    for (const { physical, sizeBytes } of memory.mapped(table, 0, USER_LAST)) {
      for (let at = physical; at < physical + sizeBytes; at += PAGE_BYTES) programs.set(at / PAGE_BYTES, (programs.get(at / PAGE_BYTES) ?? new Set()).add(program));
    }
  }
  return programs;
}

/** The page tables of processes: those whose kernel half is the kernel's own, with the program as its stack names it. */
function processTables(memory: GuestMemory): { table: number; program: string }[] {
  const { bytes, kernelTable } = memory;
  const ACCESSED_DIRTY = 0x60n;
  const same = [DIRECT, VMALLOC, STRUCTS, 511].map((entry) => ({ at: 8 * entry, value: bytes.readBigUInt64LE(kernelTable + 8 * entry) | ACCESSED_DIRTY }));
  const found: { table: number; program: string }[] = [];
  for (let table = 0; table < bytes.length; table += PAGE_BYTES) {
    if (table === kernelTable || same.some(({ at, value }) => (bytes.readBigUInt64LE(table + at) | ACCESSED_DIRTY) !== value)) continue;
    const program = programOf(memory, table);
    if (program !== undefined) found.push({ table, program });
  }
  return found;
}

/** The kernel puts the program's path at the very end of the stack, in front of eight zero bytes (fs/exec.c, bprm_execve). */
function programOf(memory: GuestMemory, table: number): string | undefined {
  const pages = [...memory.mapped(table, USER_LAST - 1, USER_LAST)].reverse().slice(0, 64);
  for (const { physical, sizeBytes } of pages) {
    const end = physical + sizeBytes;
    if (end > memory.bytes.length || memory.bytes.readBigUInt64LE(end - 8) !== 0n) continue;
    const path = /\0(\/[\x21-\x7e]+)\0{9}$/.exec(memory.bytes.toString("latin1", end - 300, end))?.[1];
    if (path !== undefined) return path;
  }
  return undefined;
}
