import { readFileSync } from "node:fs";
import { MkinitrdError } from "../../core/errors.ts";
import { describeIoError } from "../read-text.ts";
import type { Sysroot } from "./sysroot.ts";

/** One line of a modprobe.d file: `options nvme poll_queues=2`. */
export interface ModprobeLine {
  keyword: string;
  /** Behind the keyword: a module or an alias, then what is said of it. */
  subject: string;
  rest: string;
  /** In the sysroot. */
  file: string;
}

/** In the order in which they are searched: a file hides those of its name further down. modprobe.d(5) */
const DIRECTORIES = ["/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d"];

/** What the sysroot's modprobe.d says, in the order in which modprobe(8) reads it. Throws on a file that can't be read. */
export function readModprobeConfig(sysroot: Sysroot): ModprobeLine[] {
  const files = new Map<string, string>();
  for (const directory of DIRECTORIES) {
    for (const name of sysroot.list(directory)) if (name.endsWith(".conf") && !files.has(name)) files.set(name, `${directory}/${name}`);
  }
  return [...files].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, file]) => {
    const found = sysroot.find(file);
    return found?.stats.isFile() === true ? parseModprobeConfig(readText(found.file), file) : []; // a link to /dev/null hides the others
  });
}

/** The lines of one file; a backslash at its end joins a line to the next one. */
export function parseModprobeConfig(text: string, file: string): ModprobeLine[] {
  return text.replaceAll("\\\n", " ").split("\n").flatMap((line) => {
    const [, keyword, subject, rest = ""] = /^\s*([a-z]+)\s+(\S+)\s*(.*?)\s*$/.exec(line) ?? [];
    return keyword === undefined || subject === undefined ? [] : [{ keyword, subject, rest, file }];
  });
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new MkinitrdError({ tried: "reading what modprobe is told", on: file, found: describeIoError(cause), next: "let the file be read, or take it away", cause });
  }
}
