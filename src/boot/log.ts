import { appendFileSync, readFileSync } from "node:fs";
import type { Log } from "../core/rc/types.ts";

/** Where the log and what else the boot leaves behind lie; /run moves into the real root. */
export const RUN_DIRECTORY = "/run/mkinitrd";

export interface BootLog extends Log {
  /** Everything that was logged, for the rescue menu. */
  lines(): string[];
}

export interface LogOptions {
  file: string;
  /** Shows a line to the person. */
  print(text: string): void;
  /** `quiet` on the command line: steps go to the log alone. */
  quiet: boolean;
  debug: boolean;
  uptimeSeconds?: () => number;
}

/** A log in a file of `[  uptime] text` lines; what the person should see is printed, too. */
export function createLog(options: LogOptions): BootLog {
  const uptime = options.uptimeSeconds ?? readUptime;
  const lines: string[] = [];
  const marks = new Set<string>();
  const write = (text: string, atSeconds = uptime()) => {
    const line = `[${atSeconds.toFixed(2).padStart(8)}] ${text}`;
    lines.push(line);
    try {
      appendFileSync(options.file, `${line}\n`, { mode: 0o600 });
    } catch {
      // A full /run must not stop the boot; the person still sees the lines.
    }
    return line;
  };
  return {
    lines: () => [...lines],
    step(text) {
      const line = write(text);
      if (!options.quiet) options.print(line);
    },
    warn(text) {
      options.print(write(`warning: ${text}`));
    },
    debug(text) {
      const line = write(text);
      if (options.debug) options.print(line);
    },
    mark(name, atSeconds) {
      if (marks.has(name)) return;
      marks.add(name);
      const line = write(`timeline: ${name}`, atSeconds);
      if (options.debug) options.print(line);
    },
  };
}

/** Seconds since the kernel started; proc(5), /proc/uptime. */
export function readUptime(): number {
  return Number(readFileSync("/proc/uptime", "latin1").split(" ")[0]);
}
