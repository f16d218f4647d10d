import fc from "fast-check";
import { MkinitrdError } from "../../src/core/errors.ts";
import { DISK_READERS, type DiskReader } from "./disk-readers.ts";
import { type Disk, diskSource, type Limits, Meter, OverLimit } from "./disk.ts";
import { applyEdits, type Damage, damage } from "./edits.ts";
import { FAULTY_READERS } from "./faulty-readers.ts";
import { type Looked, recordFields } from "./fields.ts";
import { FILE_READERS } from "./file-readers.ts";
import { sealed } from "./seal.ts";
import type { Seed } from "./seeds.ts";
import { editWords, TEXT_READERS, type TextReader, type TextEdit, textEdits } from "./text-readers.ts";

/** A checksum may hide another: header, then entries. */
const MOST_SEALS = 4;

/** What is to be read: damaged disks, or a text. */
export type Input = { disks: Disk[] } | { text: string };

/** Cases for one reader: from numbers that fast-check makes and shrinks, and the reading of them. */
export interface Cases<T = unknown> {
  arbitrary: fc.Arbitrary<T>;
  input(value: T): Promise<Input>;
  /** Throws for everything that no input may bring about. */
  read(input: Input): Promise<void>;
}

/** The readers of disks and of files alike. */
const BINARY_READERS: Record<string, DiskReader> = { ...DISK_READERS, ...FILE_READERS };

/** All that can be asked for. */
export const READERS: readonly string[] = [...Object.keys(BINARY_READERS), ...Object.keys(TEXT_READERS)];

/** The cases of a reader; `all` takes disks that need not be there, too. */
export function casesOf(reader: string, all: boolean): Cases {
  const text = TEXT_READERS[reader] ?? FAULTY_READERS[reader];
  return (text !== undefined ? textCases(text) : diskCases(BINARY_READERS[reader]!, all)) as Cases;
}

/** A text is read from nothing, so that it takes no more reads than its memory holds. */
const OF_TEXT: Limits = { reads: Infinity, readBytes: Infinity, heldBytes: 64 * 1024 * 1024 };

/** What takes time with the square of a text's length is seen at 200,000 characters, which take a tenth of this. */
const TEXT_CPU_MS = 2000;

function textCases({ run, samples }: TextReader): Cases<{ sample: number; edits: TextEdit[] }> {
  return {
    arbitrary: fc.record({ sample: fc.nat({ max: samples.length - 1 }), edits: textEdits }),
    input: async ({ edits, sample }) => ({ text: editWords(samples[sample]!, edits) }),
    async read(input) {
      if (!("text" in input)) return;
      const meter = new Meter(OF_TEXT);
      const before = process.threadCpuUsage();
      await orRefuses(async () => run(input.text));
      const { system, user } = process.threadCpuUsage(before);
      if (user + system > TEXT_CPU_MS * 1000) throw new OverLimit(`${(user + system) / 1000} ms of processor time for ${input.text.length} characters, more than ${TEXT_CPU_MS}`);
      meter.look();
      meter.check();
    },
  };
}

function diskCases(reader: DiskReader, all: boolean): Cases<{ seed: number; damage: Damage }> {
  const seeds = reader.seeds(all);
  const known = new Map<Seed, Promise<Looked>>();
  /** What a case takes beside: runs that only tell what checksums are wrong. */
  const say = async (disks: Disk[]): Promise<string> => {
    const meter = new Meter(reader.limits);
    try {
      return await reader.run(disks.map((disk) => diskSource(disk, meter)));
    } catch (error) {
      return error instanceof MkinitrdError ? error.message : "";
    }
  };
  return {
    arbitrary: fc.record({ seed: fc.nat({ max: Math.max(0, seeds.length - 1) }), damage }),
    async input({ damage: { edits, seal }, seed: index }) {
      const seed = seeds[index % seeds.length]!;
      const whole = seed.disks.map((base): Disk => ({ base, patches: [], sizeBytes: base.sizeBytes }));
      const looked = known.get(seed) ?? recordFields(whole, async (sources) => void (await reader.run(sources)));
      known.set(seed, looked);
      let disks = applyEdits(whole, await looked, edits);
      for (let round = 0; seal && round < MOST_SEALS; round++) {
        const next = sealed(disks, await looked, await say(disks));
        if (next === undefined) break;
        disks = next;
      }
      return { disks };
    },
    async read(input) {
      if (!("disks" in input)) return;
      const meter = new Meter(reader.limits);
      await orRefuses(async () => reader.run(input.disks.map((disk) => diskSource(disk, meter))));
      meter.look();
      meter.check();
    },
  };
}

async function orRefuses(read: () => Promise<unknown>): Promise<void> {
  try {
    await read();
  } catch (error) {
    if (error instanceof OverLimit || !(error instanceof MkinitrdError)) throw error;
  }
}
