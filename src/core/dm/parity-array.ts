import type { Source } from "../binary/source.ts";
import { checkRange } from "../binary/source.ts";
import { MkinitrdError } from "../errors.ts";
import { chunkedSource } from "./chunks.ts";
import { galois } from "./galois.ts";
import { firstThatReads } from "./mirror-legs.ts";
import { parityRow } from "./parity-layout.ts";
import type { ParityLayout, ParityRow } from "./parity-layout.ts";

/** An array of level 5 or 6; level 4 is level 5 with the layout parity-first or parity-last. */
export interface ParityArray {
  name: string;
  level: 5 | 6;
  layout: ParityLayout;
  chunkBytes: number;
  sizeBytes: number;
  /** In the order of their roles; undefined is a missing one. */
  disks: (Source | undefined)[];
}

/** What an array holds; of a disk that is missing or can't be read, from the others. Throws when too many are missing. */
export function openParityArray({ name, chunkBytes, disks, layout, level, sizeBytes }: ParityArray): Source {
  const parities = level - 4;
  const missing = disks.flatMap((disk, role) => (disk === undefined ? [role] : []));
  if (disks.length <= parities || missing.length > parities) {
    const found = disks.length <= parities ? `it has ${disks.length} disks` : `disks ${missing.join(", ")} of ${disks.length} are missing, ${parities} may be`;
    throw new MkinitrdError({ tried: `opening an array of level ${level}`, on: name, found });
  }
  const rows = Math.ceil(sizeBytes / (chunkBytes * (disks.length - parities)));
  for (const disk of disks) if (disk !== undefined) checkRange(disk, 0, rows * chunkBytes);
  const math = galois();

  return chunkedSource(name, sizeBytes, chunkBytes, async (chunk, within, length) => {
    const row = Math.floor(chunk / (disks.length - parities));
    const places = parityRow(level, layout, disks.length, row);
    const role = places.data[chunk % (disks.length - parities)] ?? 0;
    const read = (disk: number): Promise<Buffer> => readDisk(disks[disk], disk, row * chunkBytes + within, length);
    return firstThatReads(`disk ${role} of ${name}`, [
      () => read(role),
      () => throughP(places, role, read),
      ...(level === 6 ? [() => throughQ(places, role, read), ...places.data.filter((other) => other !== role).map((other) => () => throughBoth(places, role, other, read))] : []),
    ]);
  });

  function readDisk(disk: Source | undefined, role: number, at: number, length: number): Promise<Buffer> {
    if (disk !== undefined) return disk.read(at, length);
    throw new MkinitrdError({ tried: `reading ${length} bytes at byte ${at}`, on: `disk ${role} of ${name}`, found: "it is missing" });
  }

  async function throughP({ data, p }: ParityRow, lost: number, read: (disk: number) => Promise<Buffer>): Promise<Buffer> {
    const parts = await Promise.all([p, ...data.filter((disk) => disk !== lost)].map(read));
    return sum(parts.map((part) => [part, 1]));
  }

  /** P is lost, too. */
  async function throughQ({ data, q = 0, slots = [] }: ParityRow, lost: number, read: (disk: number) => Promise<Buffer>): Promise<Buffer> {
    const others = data.filter((disk) => disk !== lost);
    const [syndrome, ...parts] = await Promise.all([q, ...others].map(read));
    const scale = math.power(-slots[lost]!);
    return sum([[syndrome!, scale], ...parts.map((part, index): Term => [part, product(math.power(slots[others[index]!]!), scale)])]);
  }

  /** Another disk with data is lost, too. Anvin, section 4: with g^(y-x)+1 as the divisor. */
  async function throughBoth({ data, p, q = 0, slots = [] }: ParityRow, lost: number, other: number, read: (disk: number) => Promise<Buffer>): Promise<Buffer> {
    const rest = data.filter((disk) => disk !== lost && disk !== other);
    const [parity, syndrome, ...parts] = await Promise.all([p, q, ...rest].map(read));
    const ratio = math.power(slots[other]! - slots[lost]!);
    const divisor = math.inverse(ratio ^ 1);
    const ofP = product(ratio, divisor);
    const ofQ = product(math.power(-slots[lost]!), divisor);
    return sum([[parity!, ofP], [syndrome!, ofQ], ...parts.map((part, index): Term => [part, ofP ^ product(math.power(slots[rest[index]!]!), ofQ)])]);
  }

  function product(a: number, b: number): number {
    const result = Buffer.alloc(1);
    math.addProduct(result, Buffer.of(a), b);
    return result[0]!;
  }

  function sum(terms: Term[]): Buffer {
    const total = Buffer.alloc(terms[0]![0].length);
    for (const [bytes, factor] of terms) math.addProduct(total, bytes, factor);
    return total;
  }
}

type Term = [bytes: Buffer, factor: number];
