import { MkinitrdError } from "../src/core/errors.ts";

const PAGE_KIB = 4; // of the processors that there are recipes for

/** What the init of a recipe's root said (images/realroot-init), in its own units. */
export interface RootReport {
  /** Since the kernel started. */
  uptimeSeconds: number;
  memFreeKib: number;
  /** After the caches were dropped. */
  settledFreeKib: number;
  memTotalKib: number;
  /** Processes of the initramfs that still run, by name. */
  survivors: string[];
  /** `/dev/dm-1:ext4:ro` */
  root: string;
}

/** Reads both lines of the root's init from a console's text. Throws when one is missing or lacks a figure. */
export function parseRootReport(text: string): RootReport {
  const first = /^REALROOT (uptime=.*)$/m.exec(text)?.[1];
  const settled = /^REALROOT-SETTLED (.*)$/m.exec(text)?.[1];
  if (first === undefined || settled === undefined) {
    throw new MkinitrdError({ tried: "reading what the root's init said", on: "the console", found: `${first === undefined ? "no REALROOT line" : "no REALROOT-SETTLED line"} in ${text.length} characters` });
  }
  const [, names = ""] = /survivors=\d+:(.*?)(?: missing=|$)/.exec(settled) ?? [];
  return {
    uptimeSeconds: figure(first, "uptime"),
    memFreeKib: figure(first, "MemFree"),
    settledFreeKib: figure(settled, "MemFree"),
    memTotalKib: figure(settled, "MemTotal"),
    survivors: names.split(" ").filter((name) => name !== ""),
    root: /root=(\S+)/.exec(first)?.[1] ?? "",
  };
}

/** A file that the root's init showed for the word realroot.cat=PATH. Throws when it did not, or not to its end. */
export function parseShownFile(text: string, path: string): string {
  const [, rest = ""] = text.split(`REALROOT-FILE ${path}\n`);
  const end = rest.indexOf("REALROOT-END");
  if (end === -1) throw new MkinitrdError({ tried: `reading ${path}`, on: "the guest's console", found: "the root's init did not show the whole of it" });
  return rest.slice(0, end);
}

/** A point that a boot reached, as its log has it. */
export interface TimelinePoint {
  name: string;
  uptimeSeconds: number;
}

/** The timeline in the text of /run/mkinitrd/log, by time. */
export function parseTimeline(log: string): TimelinePoint[] {
  return [...log.matchAll(/^\[ *(\d+\.\d+)\] timeline: (.+)$/gm)]
    .map(([, seconds, name = ""]) => ({ name, uptimeSeconds: Number(seconds) }))
    .sort((a, b) => a.uptimeSeconds - b.uptimeSeconds);
}

/**
 * Memory on the processors' own lists of free pages, in the text of /proc/zoneinfo, in KiB. It is free, and MemFree does not
 * count it: up to 50 MB in a guest of 1 GB, after much was freed at once. See proc_zoneinfo(5), pagesets.
 */
export function parsePerCpuFreeKib(text: string): number {
  return [...text.matchAll(/^ +count: +(\d+)$/gm)].reduce((sum, [, pages]) => sum + Number(pages) * PAGE_KIB, 0);
}

/** Names of loaded modules in the text of /proc/modules, in the order in which they were loaded. See proc_modules(5). */
export function parseLoadedModules(text: string): string[] {
  return [...text.matchAll(/^(\w+) \d+ \d+ /gm)].map(([, name = ""]) => name).reverse();
}

function figure(line: string, name: string): number {
  const text = new RegExp(`(?:^| )${name}=(\\d+(?:\\.\\d+)?)`).exec(line)?.[1];
  if (text !== undefined) return Number(text);
  throw new MkinitrdError({ tried: `reading ${name}`, on: "the root's init", found: `it is not in: ${line}` });
}

/** Seconds between the kernel's word that it unpacks the initramfs and the one that its memory is free again; init/initramfs.c, do_populate_rootfs(). Undefined where it could not unpack it. */
export function parseUnpackSeconds(console: string): number | undefined {
  const [from, to] = [/\[ *(\d+\.\d+)\] (?:Trying to unpack rootfs image as initramfs|Unpacking initramfs)/, /\[ *(\d+\.\d+)\] Freeing initrd memory:/].map((line) => line.exec(console)?.[1]);
  if (from === undefined || to === undefined || /Initramfs unpacking failed/.test(console)) return undefined;
  return Number(to) - Number(from);
}
