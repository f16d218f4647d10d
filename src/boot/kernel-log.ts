import { closeSync, constants, openSync, readFileSync, readSync, writeFileSync } from "node:fs";
import { printable } from "../core/quote.ts";
import { readUptime, RUN_DIRECTORY } from "./log.ts";

const PRINTK = "/proc/sys/kernel/printk";
const KMSG = "/dev/kmsg";
/** The level of before, for whoever comes after us when we are gone. */
const SAVED = `${RUN_DIRECTORY}/printk`;
/** Only what begins a panic (and the kernel turns the level up again for the rest of it); printk(9), console_loglevel. */
const ONLY_EMERGENCIES = "1";
const POLL_MS = 250;
const RECORDS_AT_A_TIME = 64;
const RECORD_BYTES = 8192;
const PRIORITY_MASK = 7;

export interface KernelLog {
  /** From now on the kernel's messages don't go to the consoles by themselves; those that would have are printed. */
  start(): void;
  /** Gives the kernel its consoles back. */
  stop(): void;
}

export interface KernelLogPlaces {
  printk: string;
  kmsg: string;
  saved: string;
  uptimeSeconds(): number;
}

/** Prints what the kernel says, so that it does not tear what is drawn. */
export function createKernelLog(print: (line: string) => void, places: KernelLogPlaces = { printk: PRINTK, kmsg: KMSG, saved: SAVED, uptimeSeconds: readUptime }): KernelLog {
  let fd: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  let level = 0;
  let sinceMicroseconds = 0;
  const buffer = Buffer.alloc(RECORD_BYTES);

  function poll(): void {
    for (let count = 0; count < RECORDS_AT_A_TIME; count++) {
      const text = readRecord();
      if (text === undefined) return;
      const record = parseKernelRecord(text);
      if (record !== undefined && record.priority < level && record.microseconds >= sinceMicroseconds) print(formatKernelRecord(record));
    }
  }

  /** The next record; undefined when there is none yet. */
  function readRecord(): string | undefined {
    try {
      return buffer.toString("utf8", 0, readSync(fd!, buffer));
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === "EPIPE" ? "" : undefined; // some were overwritten before they were read
    }
  }

  return {
    start() {
      if (fd !== undefined) return;
      try {
        sinceMicroseconds = places.uptimeSeconds() * 1e6;
        const before = readFileSync(places.printk, "latin1").trim().split(/\s+/)[0]!;
        fd = openSync(places.kmsg, constants.O_RDONLY | constants.O_NONBLOCK);
        level = Number(before);
        writeFileSync(places.saved, before, { flag: "wx", mode: 0o600 });
      } catch (error) {
        if (fd === undefined || (error as NodeJS.ErrnoException).code !== "EEXIST") return this.stop();
        level = savedLevel(places) ?? level; // a retry of the boot
      }
      try {
        writeFileSync(places.printk, ONLY_EMERGENCIES);
      } catch {
        return this.stop(); // read-only, in a container: the kernel goes on printing
      }
      timer = setInterval(poll, POLL_MS).unref();
    },
    stop() {
      if (fd === undefined) return;
      clearInterval(timer);
      if (timer !== undefined) poll();
      timer = undefined;
      closeSync(fd);
      fd = undefined;
      restoreKernelLog(places);
    },
  };
}

/** Gives the kernel its consoles back when the boot program ended without doing so. */
export function restoreKernelLog(places: Pick<KernelLogPlaces, "printk" | "saved"> = { printk: PRINTK, saved: SAVED }): void {
  const level = savedLevel(places);
  if (level === undefined) return;
  try {
    writeFileSync(places.printk, String(level));
  } catch {
    // It prints less than before: dmesg has it all.
  }
}

function savedLevel({ saved }: Pick<KernelLogPlaces, "saved">): number | undefined {
  try {
    const level = Number(readFileSync(saved, "latin1"));
    return Number.isInteger(level) && level >= 1 && level <= 15 ? level : undefined;
  } catch {
    return undefined;
  }
}

export interface KernelRecord {
  /** 0 to 7, the lower the more urgent. */
  priority: number;
  microseconds: number;
  text: string;
}

/** Reads a record of /dev/kmsg: `6,339,5140900,-;NET: Registered …`; kernel documentation, ABI/testing/dev-kmsg. */
export function parseKernelRecord(record: string): KernelRecord | undefined {
  const [, prefix, microseconds, text] = /^(\d+),\d+,(\d+),[^;]*;([^\n]*)/.exec(record) ?? [];
  if (prefix === undefined || microseconds === undefined || text === undefined) return undefined;
  return { priority: Number(prefix) & PRIORITY_MASK, microseconds: Number(microseconds), text: text.replaceAll(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))) };
}

/** As the kernel itself prints it. */
function formatKernelRecord({ microseconds, text }: KernelRecord): string {
  return `[${(microseconds / 1e6).toFixed(6).padStart(12)}] ${printable(text)}`;
}
