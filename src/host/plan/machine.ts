import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { HostFacts } from "./facts.ts";

/** Mappings of the device-mapper, by the beginning of the UUID that their tool gave them. */
const MAPPINGS: Record<string, string> = { "CRYPT-VERITY": "dm_verity", "CRYPT-INTEGRITY": "dm_integrity", CRYPT: "dm_crypt", mpath: "dm_multipath" };
/** What the kernel calls an md level in sysfs, where its module has another name. */
const LEVELS: Record<string, string> = { raid4: "raid456", raid5: "raid456", raid6: "raid456" };
/** md's personality for a level. */
export function levelModule(level: string): string {
  return LEVELS[level] ?? level;
}

/** What a boot mounts. */
const MOUNTS = ["/", "/usr"];

/**
 * This machine as `modules: auto` sees it, through sysfs: what all of its devices are, the filesystems of its root and /usr, and
 * the drivers of everything that these lie on, down to the bus. `top` is for tests.
 */
export function readMachine(top = "/"): HostFacts["machine"] {
  const sys = join(top, "sys");
  const modaliases = list(join(sys, "bus")).flatMap((bus) => list(join(sys, "bus", bus, "devices")).map((device) => join(sys, "bus", bus, "devices", device, "modalias")));
  const mounts = readMounts(readText(join(top, "proc/self/mountinfo")));
  const below = mounts.flatMap(({ device, source }) => blockDevices(sys, device, join(top, source)));
  return {
    modaliases: unique(modaliases.map(readText)),
    filesystems: unique(mounts.map(({ fstype }) => fstype)),
    drivers: unique(walk(sys, below)),
  };
}

/** Of /proc/self/mountinfo: the device number, the filesystem and its source. proc_pid_mountinfo(5) */
function readMounts(text: string): { device: string; fstype: string; source: string }[] {
  const lines = text.split("\n").map((line) => line.split(" "));
  return MOUNTS.flatMap((target) => {
    const line = lines.findLast((words) => words[4] === target);
    const [fstype = "", source = ""] = line?.slice(line.indexOf("-") + 1) ?? [];
    return line === undefined ? [] : [{ device: line[2] ?? "", fstype, source }];
  });
}

/** Directories in sysfs of what a filesystem lies on. One with several devices (btrfs) has a number of its own and names one of them. */
function blockDevices(sys: string, device: string, source: string): string[] {
  const named = device.startsWith("0:") ? [join(sys, "class/block", basename(real(source) ?? ""))] : [join(sys, "dev/block", device)];
  const found = named.flatMap((path) => real(path) ?? []).filter((path) => path !== join(sys, "class/block"));
  const names = found.map((path) => basename(path));
  const pools = list(join(sys, "fs/btrfs")).map((pool) => join(sys, "fs/btrfs", pool, "devices")).filter((devices) => list(devices).some((name) => names.includes(name)));
  return [...found, ...pools.flatMap((devices) => list(devices).flatMap((name) => real(join(devices, name)) ?? []))];
}

/** The modules, and the modaliases, of what lies under block devices: mappings, arrays, then the disk and the buses up from it. */
function walk(sys: string, devices: string[]): string[] {
  const seen = new Set<string>();
  const drivers: string[] = [];
  for (const waiting = [...devices]; waiting.length > 0;) {
    const device = waiting.pop() ?? "";
    if (!device.startsWith(`${sys}/`) || seen.has(device)) continue;
    seen.add(device);
    drivers.push(...stackedDrivers(device));
    waiting.push(...list(join(device, "slaves")).flatMap((name) => real(join(device, "slaves", name)) ?? []));
    const driver = link(join(device, "driver/module")) ?? link(join(device, "device/driver/module"));
    if (driver !== undefined) drivers.push(basename(driver));
    drivers.push(readText(join(device, "modalias"))); // what drives it may be in this kernel, and a module of another one
    waiting.push(dirname(device)); // the disk of a partition, the controller of a disk, its bus
  }
  return drivers;
}

function stackedDrivers(device: string): string[] {
  const uuid = readText(join(device, "dm/uuid"));
  const mapping = Object.entries(MAPPINGS).find(([prefix]) => uuid.startsWith(`${prefix}-`))?.[1];
  const level = readText(join(device, "md/level"));
  return [
    ...(existsSync(join(device, "dm")) ? ["dm_mod"] : []),
    ...(mapping === undefined ? [] : [mapping]),
    ...(level === "" ? [] : ["md_mod", levelModule(level)]),
    ...(existsSync(join(device, "bcache")) ? ["bcache"] : []),
    ...(existsSync(join(device, "loop")) ? ["loop"] : []),
  ];
}

function unique(words: string[]): string[] {
  return [...new Set(words)].filter((word) => word !== "").sort();
}

function list(directory: string): string[] {
  return existsSync(directory) && statSync(directory).isDirectory() ? readdirSync(directory).sort() : [];
}

/** The text of a file without its line end; empty where it can't be read, as some of sysfs. */
function readText(file: string): string {
  try {
    return readFileSync(file, "utf8").trimEnd();
  } catch {
    return "";
  }
}

function real(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

function link(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
