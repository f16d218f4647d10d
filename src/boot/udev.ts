import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { deviceNumber } from "../core/binary/file.ts";
import { explain } from "../core/errors.ts";
import { isPartOfLv } from "../core/volumes/lvm-names.ts";
import { readUptime } from "./log.ts";

/** Where the kernel and udev have their folders; tests have others. */
const PLACES = { classBlock: "/sys/class/block", dev: "/dev", data: "/run/udev/data" };

/**
 * Leaves for the real root's udev what a udev that had activated these device-mapper devices would have left. Without
 * the primary source flag, lvm2's 10-dm.rules (55-dm.rules in Debian) turn a coldplugged device off, and systemd waits 90 s
 * for it. The nodes that libdm made become links to ../dm-N: udev calls a node in their place a conflict.
 */
export function describeMappings(warn: (text: string) => void, places = PLACES): void {
  mkdirSync(places.data, { recursive: true, mode: 0o755 });
  const kernelNames = readdirSync(places.classBlock).filter((name) => /^dm-\d+$/.test(name));
  const attempt = <T>(kernelName: string, work: () => T): T[] => {
    try {
      return [work()];
    } catch (error) {
      warn(`leaving udev's entry for ${kernelName}: ${explain(error)}`); // it may just have gone
      return [];
    }
  };
  const mappings = kernelNames.flatMap((kernelName) => attempt(kernelName, () => readMapping(kernelName, places.classBlock)));
  const uuids = new Set(mappings.map(({ uuid }) => uuid));
  for (const mapping of mappings) attempt(mapping.kernelName, () => describeMapping(mapping, uuids, places));
}

interface Mapping {
  kernelName: string;
  /** As in /sys: 254:0 */
  number: string;
  name: string;
  uuid: string;
}

function readMapping(kernelName: string, classBlock: string): Mapping {
  const attribute = (name: string) => readFileSync(`${classBlock}/${kernelName}/${name}`, "utf8").trim();
  return { kernelName, number: attribute("dev"), name: attribute("dm/name"), uuid: attribute("dm/uuid") };
}

function describeMapping({ kernelName, number, name, uuid }: Mapping, uuids: Set<string>, { dev, data }: typeof PLACES): void {
  const isSnapshot = uuid.startsWith("LVM-") && uuids.has(`${uuid}-cow`);
  writeFileSync(`${data}/b${number}`, udevEntry(name, uuid, readUptime(), isSnapshot), { mode: 0o644 });
  for (const node of nodesOf(number, dev)) {
    rmSync(node);
    symlinkSync(`../${kernelName}`, node);
  }
}

/**
 * The database entry of an active device-mapper device; systemd, src/libsystemd/sd-device, device_update_db. Throws for a
 * name that would not be one line of it: libdevmapper makes none, and the kernel takes any. The flags that LVM sets besides:
 * lvm2, lib/activate/dev_manager.c, _get_udev_flags.
 */
export function udevEntry(name: string, uuid: string, uptimeSeconds: number, isSnapshot = false): string {
  if (!/^[\x21-\x7e]+$/.test(name) || !/^[\x21-\x7e]*$/.test(uuid)) throw new Error("its name or UUID is not of plain characters");
  const part = isPartOfLv(name, uuid);
  const properties = {
    DM_NAME: name,
    ...(uuid === "" ? {} : { DM_UUID: uuid }),
    DM_SUSPENDED: "0",
    DM_ACTIVATION: "1",
    DM_UDEV_PRIMARY_SOURCE_FLAG: "1",
    DM_UDEV_DISABLE_LIBRARY_FALLBACK_FLAG: "1",
    DM_UDEV_RULES: "1",
    DM_UDEV_RULES_VSN: "2",
    // No rule is to look into a part of a logical volume, no unit to wait for it. (From version 3 the rules take the last of these for OTHER.)
    ...(part ? { DM_UDEV_DISABLE_SUBSYSTEM_RULES_FLAG: "1", DM_UDEV_DISABLE_DISK_RULES_FLAG: "1", DM_UDEV_DISABLE_OTHER_RULES_FLAG: "1", DM_COOKIE_DISABLE_OTHER_RULES_FLAG: "1" } : {}),
    // A snapshot holds its origin's filesystem: the link by its UUID is the origin's.
    ...(isSnapshot ? { DM_UDEV_LOW_PRIORITY_FLAG: "1" } : {}),
    SYSTEMD_READY: part ? "0" : "1",
  };
  const lines = [
    `S:mapper/${name}`,
    ...(part ? [] : [`S:disk/by-id/dm-name-${name}`]),
    ...(part || uuid === "" ? [] : [`S:disk/by-id/dm-uuid-${uuid}`]),
    ...(isSnapshot ? ["L:-100"] : []),
    `I:${Math.round(uptimeSeconds * 1e6)}`,
    ...Object.entries(properties).map(([key, value]) => `E:${key}=${value}`),
    "G:systemd", // a tag, and behind Q that it is one now
    "Q:systemd",
    "V:1",
  ];
  return `${lines.join("\n")}\n`;
}

/** Block device nodes of this number in the folders of /dev: /dev/mapper/NAME and /dev/VG/LV. */
function nodesOf(number: string, dev: string): string[] {
  const folders = readdirSync(dev, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders.flatMap((folder) => readdirSync(`${dev}/${folder.name}`).map((name) => `${dev}/${folder.name}/${name}`)).filter((path) => {
    const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    return stat?.isBlockDevice() === true && deviceNumber(stat.rdev) === number;
  });
}
