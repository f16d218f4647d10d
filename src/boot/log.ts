import { appendFileSync, readFileSync } from "node:fs";
import { printable } from "../core/quote.ts";
import type { Log } from "../core/rc/types.ts";

/** Where the log and what else the boot leaves behind lie; /run moves into the real root. */
export const RUN_DIRECTORY = "/run/mkinitrd";

export interface BootLog extends Log {
  /** Everything that was logged, in the attempts before this one, too, for the rescue menu. */
  lines(): string[];
  /** What of it the person sees from now on: steps unless `quiet`, and with `debug` all of it. */
  show(verbosity: Verbosity): void;
}

export interface Verbosity {
  quiet: boolean;
  debug: boolean;
}

export interface LogOptions {
  file: string;
  /** Shows a line to the person. */
  print(text: string): void;
  uptimeSeconds?: () => number;
}

const UPTIME_WIDTH = "[ 1234.56] ".length;

/**
 * A log in a file of `[  uptime] text` lines; what the person should see is printed, too. Whatever a text was made from,
 * no control character gets through, and no second line of it looks like an entry of its own.
 */
export function createLog(options: LogOptions): BootLog {
  const uptime = options.uptimeSeconds ?? readUptime;
  const lines: string[] = [];
  const marks = new Set<string>();
  let verbosity: Verbosity = { quiet: false, debug: false };
  const write = (text: string, atSeconds = uptime()) => {
    const line = `[${atSeconds.toFixed(2).padStart(8)}] ${printable(text).replaceAll("\n", `\n${" ".repeat(UPTIME_WIDTH)}`)}`;
    lines.push(line);
    try {
      appendFileSync(options.file, `${line}\n`, { mode: 0o600 });
    } catch {
      // A full /run must not stop the boot; the person still sees the lines.
    }
    return line;
  };
  return {
    lines() {
      try {
        return readFileSync(options.file, "utf8").trimEnd().split("\n");
      } catch {
        return [...lines];
      }
    },
    show(wanted) {
      verbosity = wanted;
    },
    step(text) {
      const line = write(text);
      if (!verbosity.quiet) options.print(line);
    },
    warn(text) {
      options.print(write(`warning: ${text}`));
    },
    debug(text) {
      const line = write(text);
      if (verbosity.debug) options.print(line);
    },
    mark(name, atSeconds) {
      if (marks.has(name)) return;
      marks.add(name);
      const line = write(`timeline: ${name}`, atSeconds);
      if (verbosity.debug) options.print(line);
    },
  };
}

/** Seconds since the kernel started; proc(5), /proc/uptime. */
export function readUptime(): number {
  return Number(readFileSync("/proc/uptime", "latin1").split(" ")[0]);
}
