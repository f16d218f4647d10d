import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { explain } from "../core/errors.ts";
import { type BootConfig, kindTable } from "../core/rc/boot-config.ts";
import { formatRealroot } from "../core/realroot/stage.ts";
import type { BootRequest } from "../core/realroot/types.ts";
import { formatReport } from "../core/rescue/report.ts";
import type { Volume } from "../core/volumes/types.ts";
import { readCommandLine, readConfig } from "./config.ts";
import { exec } from "./exec.ts";
import { hibernationInSight } from "./hibernated.ts";
import { createHibernation } from "./hibernation.ts";
import { type BootLog, readUptime, RUN_DIRECTORY } from "./log.ts";
import { parseRequest } from "./other-root.ts";
import { writeToDevice } from "./report-device.ts";
import { createScan } from "./scan.ts";

const REPORT_FILE = `${RUN_DIRECTORY}/report.txt`;
/** Looking at the disks, and writing to one of them, hold the menu up so long at most. */
const SCAN_WITHIN_MS = 5000;
const WRITE_WITHIN_MS = 8000;

/**
 * Leaves what is known of a boot that failed in /run/mkinitrd/report.txt, and on the device that the configuration names.
 * It never throws and never takes long: what does not work is a warning.
 */
export async function reportFailure(log: BootLog, error: unknown): Promise<void> {
  try {
    const config = orUndefined(readConfig);
    const request = config === undefined ? undefined : orUndefined(() => parseRequest(readCommandLine(), config));
    const volumes = await inTime(createScan(log)(), SCAN_WITHIN_MS).catch(() => undefined);
    const text = formatReport({
      ...(config === undefined ? {} : { imageId: config.imageId }),
      ...(volumes === undefined ? {} : { volumes }),
      kernelRelease: readFileSync("/proc/sys/kernel/osrelease", "latin1").trim(),
      uptimeSeconds: readUptime(),
      failure: explain(error),
      realroot: describeRealroot(config, request),
      log: log.lines(),
    });
    keepInRun(text);
    const place = config?.rescue.report;
    if (place === undefined) return;
    const written = await inTime(writeToDevice(place, text, machine(volumes ?? [], request)), WRITE_WITHIN_MS);
    log.step(`the report of this boot is in ${written}`);
  } catch (failure) {
    log.warn(explain(failure));
  }
}

function machine(volumes: Volume[], request: BootRequest | undefined): Parameters<typeof writeToDevice>[2] {
  const hibernation = createHibernation("/new_root");
  const run = async (program: string, args: string[]) => void (await exec(program, args, { timeoutMs: WRITE_WITHIN_MS }));
  return {
    volumes,
    target: `${RUN_DIRECTORY}/report`,
    obstacle: async () => (request === undefined ? "nobody knows whether the machine is hibernated: its kernel command line can't be read" : hibernationInSight(volumes, request.resume, hibernation.probeArea)),
    mount: ({ source, target, fstype, options }) => run("mount", ["-t", fstype, "-o", options.join(","), source, target]),
    unmount: (target) => run("umount", [target]),
  };
}

/** The report of an attempt before this one stays as report.txt.old. */
function keepInRun(text: string): void {
  if (existsSync(REPORT_FILE)) renameSync(REPORT_FILE, `${REPORT_FILE}.old`);
  writeFileSync(REPORT_FILE, text, { mode: 0o600 });
}

function describeRealroot(config: BootConfig | undefined, request: BootRequest | undefined): string {
  if (config === undefined) return "the image's configuration can't be read";
  if (request === undefined) return "the kernel command line can't be read";
  return request.stages.length === 0 ? "none" : formatRealroot(request.stages, kindTable(config));
}

function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined; // what is wrong with it is what failed
  }
}

async function inTime<T>(result: Promise<T>, withinMs: number): Promise<T> {
  result.catch(() => {}); // it may fail when nobody waits any more
  const stop = new AbortController();
  try {
    return await Promise.race([result, pause(withinMs, undefined, { signal: stop.signal }).then((): never => { throw new Error(`the report of the failed boot: no answer within ${withinMs / 1000} s`); })]);
  } finally {
    stop.abort();
  }
}
