import { printable } from "../quote.ts";
import { describeVolumes } from "../volumes/describe.ts";
import type { Volume } from "../volumes/types.ts";

/** Of a log that is longer, the first and the last lines: a report has to fit beside what else an ESP holds. */
const LOG_LINES = { first: 400, last: 1600 };
const LONGEST_LINE = 2000;
/** `[   12.34] timeline: prompt`, as the boot's log has it. */
const TIMELINE = /^\[ *(\d+\.\d+)\] timeline: (.+)$/;

/** What is to be said of a boot that failed. Nothing of it is secret: no key, no passphrase, and not the kernel's command line. */
export interface FailureReport {
  imageId?: string;
  kernelRelease: string;
  uptimeSeconds: number;
  /** What ended the boot, as the console says it. */
  failure: string;
  /** The realroot specs, or why there are none. */
  realroot: string;
  /** All that was found; absent when nobody could look, or it took too long. */
  volumes?: Volume[];
  /** The lines of the boot's log. */
  log: string[];
}

/** The report as a text for people. Names that stand on disks hold no control character in it. */
export function formatReport({ imageId, kernelRelease, uptimeSeconds, failure, realroot, volumes, log }: FailureReport): string {
  const timeline = log.flatMap((line) => {
    const [, seconds = "", name = ""] = TIMELINE.exec(line) ?? [];
    return seconds === "" ? [] : [`${seconds.padStart(8)} s  ${name}`];
  });
  const sections: [string, string[]][] = [
    ["What failed", failure.split("\n")],
    ["Realroot", [realroot]],
    ["Volumes", volumes === undefined ? ["nobody could look at them in time"] : volumes.length === 0 ? ["no block device at all"] : describeVolumes(volumes)],
    ["Timeline, in seconds since the kernel started", timeline],
    ["Log", shorten(log)],
  ];
  const head = `mkinitrd: a boot failed, ${uptimeSeconds.toFixed(2)} s after the kernel started\nimage ${imageId ?? "unknown"}, Linux ${kernelRelease}\n`;
  return printable(`${head}${sections.map(([title, lines]) => `\n${title}\n${lines.map((line) => `  ${line.slice(0, LONGEST_LINE)}\n`).join("")}`).join("")}`);
}

function shorten(lines: string[]): string[] {
  const { first, last } = LOG_LINES;
  const left = lines.length - first - last;
  return left <= 0 ? lines : [...lines.slice(0, first), `(${left} lines are left out)`, ...lines.slice(-last)];
}
