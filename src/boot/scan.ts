import { openFile } from "../core/binary/file.ts";
import type { Source } from "../core/binary/source.ts";
import { explain, MkinitrdError } from "../core/errors.ts";
import type { Log } from "../core/rc/types.ts";
import { discover } from "../core/volumes/discover.ts";
import type { BlockDevice, Volume } from "../core/volumes/types.ts";
import { listBlockDevices, type SysfsBlock } from "./sysfs.ts";

/** A disk that has to wake up takes several seconds. */
const PATIENCE_MS = 6000;

/** What this needs of the machine; tests have another one. */
export interface ScanMachine {
  list(): SysfsBlock[];
  open(path: string): Promise<Source>;
  patienceMs: number;
}

/**
 * Gives a function that probes every block device that the kernel lists. A disk that does not answer holds up the first
 * scan for a few seconds and no later one: it is listed, with that as its damage, until its answer has come.
 */
export function createScan(log: Log, machine: ScanMachine = { list: listBlockDevices, open: openFile, patienceMs: PATIENCE_MS }): () => Promise<Volume[]> {
  const { list, open, patienceMs } = machine;
  const silent = new Set<string>();
  const told = new Set<string>();

  return async () => {
    const opened: Source[] = [];
    try {
      const blocks = await Promise.all(list().map(async (block) => openBlock(block, opened)));
      return await discover(blocks.filter((block) => block !== undefined));
    } finally {
      await Promise.all(opened.map((source) => inTime(source.name, "closing", source.close?.()).catch(() => {})));
    }
  };

  async function openBlock({ sizeBytes, ...block }: SysfsBlock, opened: Source[]): Promise<BlockDevice | undefined> {
    const { path } = block;
    const source: Source = { name: path, sizeBytes, read: async () => { throw noAnswer(path, "reading"); } };
    if (silent.has(path)) return { ...block, source };
    const opening = open(path);
    try {
      const file = await inTime(path, "opening", opening);
      opened.push(file);
      return { ...block, source: { ...file, read: (...range) => inTime(path, "reading", silent.has(path) ? source.read(...range) : file.read(...range)) } };
    } catch (error) {
      tellOnce(log.debug, explain(error)); // a device that went away, or that can't be read, hides no other
      void opening.then((late) => late.close?.()).catch(() => {});
      return silent.has(path) ? { ...block, source } : undefined;
    }
  }

  /** The result, unless the device takes too long: it counts as silent then, until the result comes. */
  async function inTime<T>(path: string, tried: string, result: Promise<T>): Promise<T>;
  async function inTime<T>(path: string, tried: string, result: Promise<T> | undefined): Promise<T | undefined>;
  async function inTime<T>(path: string, tried: string, result: Promise<T> | undefined): Promise<T | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        silent.add(path);
        const answered = () => silent.delete(path);
        result?.then(answered, answered);
        tellOnce(log.warn, `${path} does not answer, the boot goes on without it`);
        reject(noAnswer(path, tried));
      }, patienceMs);
    });
    return Promise.race([result, late]).finally(() => clearTimeout(timer));
  }

  function tellOnce(tell: (text: string) => void, text: string): void {
    if (!told.has(text)) tell(text);
    told.add(text);
  }

  function noAnswer(path: string, tried: string): MkinitrdError {
    return new MkinitrdError({ tried, on: path, found: `no answer within ${patienceMs / 1000} s`, next: "check its cable and its health" });
  }
}
