import { mkdir, open, realpath, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { MkinitrdError } from "../core/errors.ts";
import type { ReportPlace } from "../core/rc/boot-config.ts";
import { quote } from "../core/quote.ts";
import { findVolumes } from "../core/volumes/match.ts";
import type { Volume } from "../core/volumes/types.ts";

export const REPORT_NAME = "mkinitrd-report.txt";
/** Filesystems that a report is written to, with what their files would otherwise be for everybody. */
const OPTIONS: Record<string, string[]> = { vfat: ["umask=0077"], ext2: [], ext3: [], ext4: [] };
const TRIED = "writing the report of the failed boot";

/** What this needs of the machine; tests have another one. */
export interface ReportMachine {
  volumes: Volume[];
  /** Why nothing on a disk may be touched: a hibernated system has it mounted. */
  obstacle(): Promise<string | undefined>;
  mount(mount: { source: string; target: string; fstype: string; options: string[] }): Promise<void>;
  unmount(target: string): Promise<void>;
  /** Where the mount point is made; pid 1 unmounts it when a boot ends in between. */
  target: string;
}

/**
 * Writes a report to the device that the configuration names, mounted for this alone, and keeps the one before it as
 * `mkinitrd-report.txt.old`. Gives its place, `/mkinitrd-report.txt on /dev/vda1`. Throws MkinitrdError.
 */
export async function writeToDevice({ device, directory }: ReportPlace, text: string, machine: ReportMachine): Promise<string> {
  const { path, fstype } = findTarget(device, machine.volumes);
  const obstacle = await machine.obstacle();
  if (obstacle !== undefined) throw new MkinitrdError({ tried: TRIED, on: device, found: obstacle });
  const { target } = machine;
  await mkdir(target, { recursive: true, mode: 0o700 });
  await machine.mount({ source: path, target, fstype, options: ["rw", "nosuid", "nodev", "noexec", ...OPTIONS[fstype]!] });
  try {
    await writeBeside(await inside(target, directory, device), text);
  } catch (cause) {
    throw cause instanceof MkinitrdError ? cause : new MkinitrdError({ tried: TRIED, on: device, found: cause instanceof Error ? cause.message : String(cause), cause });
  } finally {
    await machine.unmount(target);
  }
  return `${join(directory, REPORT_NAME)} on ${path}`;
}

/** The one device of this name, with a filesystem that we write to. */
function findTarget(device: string, volumes: Volume[]): { path: string; fstype: string } {
  const found = findVolumes(volumes, device).filter((volume): volume is Volume & { path: string } => volume.path !== undefined);
  const [volume] = found;
  const refuse = (reason: string): never => {
    throw new MkinitrdError({ tried: TRIED, on: device, found: reason, next: "check rescue.report.device in the configuration" });
  };
  if (volume === undefined) return refuse("no such device");
  if (found.length > 1) return refuse(`${found.length} devices have this name: ${found.map(({ path }) => path).join(", ")}`);
  const fstype = volume.content?.type;
  if (fstype === undefined || OPTIONS[fstype] === undefined) return refuse(`it holds ${fstype ?? "no filesystem that is known"}; known: ${Object.keys(OPTIONS).join(", ")}`);
  return { path: volume.path, fstype };
}

/** The directory, made when it is not there; one that leads out of the filesystem is refused. */
async function inside(target: string, directory: string, device: string): Promise<string> {
  const top = await realpath(target);
  let at = top;
  for (const part of directory.split("/").filter((word) => word !== "")) {
    at = join(at, part);
    await mkdir(at, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => { if (error.code !== "EEXIST") throw error; });
    if ((await realpath(at)) !== at) throw new MkinitrdError({ tried: TRIED, on: device, found: `${quote(directory)} leads over a link`, next: "name another rescue.report.directory" });
  }
  return at;
}

/** Whole or not at all, and on the disk: beside it first, synced, then renamed. */
async function writeBeside(folder: string, text: string): Promise<void> {
  const [file, aside] = [join(folder, REPORT_NAME), join(folder, `${REPORT_NAME}.new`)];
  await rm(aside, { force: true });
  const output = await open(aside, "wx", 0o600); // a link of this name is not followed
  try {
    await output.writeFile(text);
    await output.sync();
  } finally {
    await output.close();
  }
  await rename(file, `${file}.old`).catch((error: NodeJS.ErrnoException) => { if (error.code !== "ENOENT") throw error; });
  await rename(aside, file);
}
