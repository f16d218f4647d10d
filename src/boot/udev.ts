import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync, lstatSync } from "node:fs";
import { dirname } from "node:path";
import { readUptime } from "./log.ts";

const UDEV_DATA = "/run/udev/data";

/**
 * Leaves for the real root's udev what a udev that had activated these device-mapper devices would have left. Without
 * the primary source flag, lvm2's 10-dm.rules (55-dm.rules in Debian) turn a coldplugged device off, and systemd waits 90 s
 * for it. The nodes that libdm made become links to ../dm-N: udev calls a node in their place a conflict.
 */
export function describeMappings(warn: (text: string) => void): void {
  mkdirSync(UDEV_DATA, { recursive: true, mode: 0o755 });
  for (const kernelName of readdirSync("/sys/class/block").filter((name) => name.startsWith("dm-"))) {
    const attribute = (name: string) => readFileSync(`/sys/class/block/${kernelName}/${name}`, "utf8").trim();
    const [number, name, uuid] = [attribute("dev"), attribute("dm/name"), attribute("dm/uuid")];
    try {
      writeFileSync(`${UDEV_DATA}/b${number}`, udevEntry(name, uuid, readUptime()), { mode: 0o644 });
      for (const node of nodesOf(number)) linkTo(node, `/dev/${kernelName}`);
    } catch (error) {
      warn(`leaving udev's entry for ${name}: ${error instanceof Error ? error.message : error}`);
    }
  }
}

/** The database entry of an active device-mapper device; systemd, src/libsystemd/sd-device, device_update_db. */
export function udevEntry(name: string, uuid: string, uptimeSeconds: number): string {
  const properties = {
    DM_NAME: name,
    DM_UUID: uuid,
    DM_SUSPENDED: "0",
    DM_ACTIVATION: "1",
    DM_UDEV_PRIMARY_SOURCE_FLAG: "1",
    DM_UDEV_DISABLE_LIBRARY_FALLBACK_FLAG: "1",
    DM_UDEV_RULES: "1",
    DM_UDEV_RULES_VSN: "2",
    SYSTEMD_READY: "1",
  };
  const lines = [
    `S:mapper/${name}`,
    `S:disk/by-id/dm-name-${name}`,
    `S:disk/by-id/dm-uuid-${uuid}`,
    `I:${Math.round(uptimeSeconds * 1e6)}`,
    ...Object.entries(properties).map(([key, value]) => `E:${key}=${value}`),
    "G:systemd",
    "Q:systemd",
    "V:1",
  ];
  return `${lines.join("\n")}\n`;
}

/** Block device nodes of this number outside /dev itself: /dev/mapper/NAME and /dev/VG/LV. */
function nodesOf(number: string): string[] {
  const [major, minor] = number.split(":").map(Number);
  const folders = readdirSync("/dev", { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders
    .flatMap((folder) => readdirSync(`/dev/${folder.name}`).map((name) => `/dev/${folder.name}/${name}`))
    .filter((path) => {
      const stat = lstatSync(path);
      return stat.isBlockDevice() && stat.rdev === makeDevice(major!, minor!);
    });
}

/** Linux's 64-bit device number; makedev(3). */
function makeDevice(major: number, minor: number): number {
  return (minor & 0xff) | ((major & 0xfff) << 8) | ((minor & ~0xff) << 12);
}

function linkTo(node: string, target: string): void {
  if (!statSync(target).isBlockDevice()) return;
  rmSync(node);
  symlinkSync(`../${target.slice(dirname(target).length + 1)}`, node);
}
