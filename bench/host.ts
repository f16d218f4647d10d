import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory } from "../src/host/cache.ts";

/** A directory that vanishes when this process ends. In the cache: /tmp may be memory, where syncing costs nothing. */
export function workDirectory(): string {
  const parent = cacheDirectory("bench");
  mkdirSync(parent, { recursive: true });
  const directory = mkdtempSync(join(parent, "run-"));
  process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1));
  return directory;
}

/** The load average of the last minute; see proc_loadavg(5). Above the number of processors, figures are of a busy machine. */
export function loadAverage(): number {
  return Number(readFileSync("/proc/loadavg", "latin1").split(" ")[0]);
}

/** Processor seconds of children that have ended, and of theirs; see proc_pid_stat(5). */
export function childrenCpuSeconds(): number {
  const fields = readFileSync("/proc/self/stat", "latin1").split(") ").at(-1)!.split(" ");
  return (Number(fields[13]) + Number(fields[14])) / 100; // cutime and cstime, in USER_HZ
}
