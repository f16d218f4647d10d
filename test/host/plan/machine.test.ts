import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readMachine } from "../../../src/host/plan/machine.ts";

/** A controller with one disk of two partitions, and a second disk on another bus, as sysfs shows them. */
const PCI = "sys/devices/pci0000:00/0000:00:1f.2";
const SDA = `${PCI}/ata1/host0/target0:0:0/0:0:0:0/block/sda`;
const NVME = "sys/devices/pci0000:00/0000:00:02.0/nvme/nvme0/nvme0n1";

let top: string;
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), "machine-"));
  write(`${PCI}/modalias`, "pci:v00008086d00002922\n");
  link(`${PCI}/driver/module`, "/sys/module/ahci");
  write(`${SDA}/../../modalias`, "scsi:t-0x00\n");
  link(`${SDA}/../../driver/module`, "/sys/module/sd_mod");
  write(`${SDA}/sda1/partition`, "1");
  write(`${SDA}/sda2/partition`, "2");
  write(`${NVME}/../../../modalias`, "pci:v0000144Dbc01sc08\n");
  link(`${NVME}/../../../driver/module`, "/sys/module/nvme");
  write("sys/devices/platform/keyboard/modalias", "input:b0011\n");
  link("sys/bus/pci/devices/0000:00:1f.2", join(top, PCI));
  link("sys/bus/platform/devices/keyboard", join(top, "sys/devices/platform/keyboard"));
  block("8:0", "sda", SDA);
  block("8:1", "sda1", `${SDA}/sda1`);
  block("8:2", "sda2", `${SDA}/sda2`);
  block("259:0", "nvme0n1", NVME);
});
afterEach(() => rmSync(top, { recursive: true }));

test("all devices of the machine say what they are, once", () => {
  mounts("8:2 / / rw - ext4 /dev/sda2 rw");
  expect(readMachine(top)).toEqual({
    modaliases: ["input:b0011", "pci:v00008086d00002922"], filesystems: ["ext4"],
    drivers: ["ahci", "pci:v00008086d00002922", "scsi:t-0x00", "sd_mod"],
  });
});

describe("what the root lies on is found", () => {
  test("through a logical volume in LUKS on an array of two kinds of disk", () => {
    stacked("254:1", "dm-1", { "dm/uuid": "LVM-abc\n" }, ["dm-0"]);
    stacked("254:0", "dm-0", { "dm/uuid": "CRYPT-LUKS2-abc-root\n" }, ["md0"]);
    stacked("9:0", "md0", { "md/level": "raid5\n" }, ["sda1", "nvme0n1"]);
    mounts("254:1 / / rw shared:1 - xfs /dev/mapper/vg-root rw");
    expect(drivers()).toEqual(["ahci", "dm_crypt", "dm_mod", "md_mod", "nvme", "raid456", "sd_mod"]);
  });

  test.each([
    { uuid: "CRYPT-VERITY-abc-root", found: ["dm_mod", "dm_verity"] },
    { uuid: "mpath-3600", found: ["dm_mod", "dm_multipath"] },
    { uuid: "", found: ["dm_mod"] },
  ])("through a mapping $uuid", ({ uuid, found }) => {
    stacked("254:0", "dm-0", { "dm/uuid": uuid }, []);
    mounts("254:0 / / rw - ext4 /dev/mapper/root rw");
    expect(drivers()).toEqual(found);
  });

  test("through btrfs, which has a number of its own, on each of its devices; and /usr", () => {
    stacked("7:0", "loop0", { "loop/offset": "0" }, []);
    symlinkSync(join(top, SDA, "sda1"), mkdir("sys/fs/btrfs/uuid/devices/sda1"));
    symlinkSync(join(top, NVME), mkdir("sys/fs/btrfs/uuid/devices/nvme0n1"));
    write("dev/sda1", "");
    mounts("0:25 /@ / rw - btrfs /dev/sda1 rw", "7:0 / /usr ro - squashfs /dev/loop0 ro", "0:5 / /proc rw - proc proc rw");
    expect(readMachine(top).filesystems).toEqual(["btrfs", "squashfs"]);
    expect(drivers()).toEqual(["ahci", "loop", "nvme", "sd_mod"]);
  });

  test("through nothing, where it is no block device", () => {
    mounts("0:25 / / rw - overlay overlay rw");
    expect(readMachine(top)).toMatchObject({ filesystems: ["overlay"], drivers: [] });
  });
});

function drivers(): string[] {
  return readMachine(top).drivers.filter((name) => !name.includes(":"));
}

function mounts(...lines: string[]): void {
  write("proc/self/mountinfo", lines.map((line, position) => `${20 + position} 1 ${line}\n`).join(""));
}

function stacked(device: string, name: string, files: Record<string, string>, slaves: string[]): void {
  const path = `sys/devices/virtual/block/${name}`;
  for (const [file, text] of Object.entries(files)) write(`${path}/${file}`, text);
  const places: Record<string, string> = { sda1: `${SDA}/sda1`, nvme0n1: NVME };
  for (const slave of slaves) link(`${path}/slaves/${slave}`, join(top, places[slave] ?? `sys/devices/virtual/block/${slave}`));
  block(device, name, path);
}

function block(device: string, name: string, path: string): void {
  mkdirSync(join(top, path), { recursive: true });
  link(`sys/dev/block/${device}`, join(top, path));
  link(`sys/class/block/${name}`, join(top, path));
}

function link(path: string, target: string): void {
  symlinkSync(target, mkdir(path));
}

function write(path: string, text: string): void {
  writeFileSync(mkdir(path), text);
}

/** The path below the top, whose directory is there then. */
function mkdir(path: string): string {
  mkdirSync(dirname(join(top, path)), { recursive: true });
  return join(top, path);
}
