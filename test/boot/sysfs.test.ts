import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isBusGrowing, listBlockDevices, listModaliases } from "../../src/boot/sysfs.ts";

let sysfs: string;
beforeEach(() => {
  sysfs = mkdtempSync(join(tmpdir(), "mkinitrd-sysfs-"));
  mkdirSync(join(sysfs, "class/block"), { recursive: true });
});
afterEach(() => rmSync(sysfs, { recursive: true }));

/** A device as sysfs has it: attributes in devices/, a link to them in class/block. */
function device(path: string, attributes: Record<string, string>): void {
  for (const [name, value] of Object.entries(attributes)) {
    const file = join(sysfs, "devices", path, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${value}\n`);
  }
  symlinkSync(`../../devices/${path}`, join(sysfs, "class/block", path.split("/").at(-1)!));
}

test("disks with their blocks and serial, partitions with their start, mappings with their names", () => {
  device("block/vda", { size: "2048", "queue/logical_block_size": "4096", serial: "abc" });
  device("block/vda/vda1", { size: "1024", start: "8", partition: "1", dev: "254:1" });
  device("block/dm-0", { size: "512", "dm/name": "pv0", "dm/uuid": "CRYPT-LUKS2-x", "dm/suspended": "0", "slaves/vda1/dev": "254:1" });
  device("block/cciss!c0d0", { size: "8" });
  expect(listBlockDevices(sysfs)).toEqual([
    { path: "/dev/cciss/c0d0", sizeBytes: 4096, logicalBlockBytes: 512 },
    { path: "/dev/dm-0", sizeBytes: 512 * 512, logicalBlockBytes: 512, dm: { name: "pv0", uuid: "CRYPT-LUKS2-x" }, below: ["/dev/vda1"] },
    { path: "/dev/vda", sizeBytes: 1 << 20, logicalBlockBytes: 4096, serial: "abc" },
    { path: "/dev/vda1", number: "254:1", sizeBytes: 1 << 19, logicalBlockBytes: 4096, partitionOf: { disk: "/dev/vda", startSector: 8 } },
  ]);
});

test("serial number and worldwide name of a SATA disk, from what it answered", () => {
  device("block/sda", { size: "2048", "device/wwid": "naa.5002538e40aabbcc" });
  writeFileSync(join(sysfs, "devices/block/sda/device/vpd_pg80"), Buffer.concat([Buffer.from([0, 0x80, 0, 12]), Buffer.from("  S4EVNX0M123")]));
  expect(listBlockDevices(sysfs)).toEqual([expect.objectContaining({ serial: "S4EVNX0M12", wwid: "naa.5002538e40aabbcc" })]);
});

test("an md array with the devices below it", () => {
  device("block/md127", { size: "2048", "md/level": "raid1", "slaves/vda1/size": "1", "slaves/vdb/size": "1" });
  expect(listBlockDevices(sysfs)).toEqual([{ path: "/dev/md127", sizeBytes: 1 << 20, logicalBlockBytes: 512, md: { members: ["/dev/vda1", "/dev/vdb"] } }]);
});

test("what has no size, RAM disks, and a mapping that is suspended are not read", () => {
  device("block/sr0", { size: "0" });
  device("block/ram0", { size: "2048" });
  device("block/dm-1", { size: "2048", "dm/name": "slow", "dm/suspended": "1" });
  expect(listBlockDevices(sysfs)).toEqual([]);
});

test("a device that goes away while it is read is left out", () => {
  symlinkSync("../../devices/block/gone", join(sysfs, "class/block/gone"));
  expect(listBlockDevices(sysfs)).toEqual([]);
  expect(listBlockDevices(join(sysfs, "nothing"))).toEqual([]);
});

test("the modaliases of all buses, each once", () => {
  for (const [path, alias] of [["pci/devices/a", "pci:x"], ["pci/devices/b", "pci:x"], ["usb/devices/c", "usb:y"], ["usb/devices/d", ""]]) {
    mkdirSync(join(sysfs, "bus", path!), { recursive: true });
    writeFileSync(join(sysfs, "bus", path!, "modalias"), `${alias}\n`);
  }
  expect(listModaliases(sysfs)).toEqual(["pci:x", "usb:y"]);
});

test.each([
  ["virtio_pci 32768 0 - Loading 0xffffffffc0410000", true],
  ["virtio_mmio 16384 0 - Loading 0x0000000000000000", true],
  ["virtio_pci 32768 1 - Live 0xffffffffc0410000", false],
  ["virtio_blk 32768 0 - Loading 0xffffffffc0410000", false],
  ["virtio_pci_legacy_dev 16384 1 virtio_pci, Loading 0xffffffffc0410000", false],
])("virtio's devices are still being found: %s is %s", (line, growing) => {
  writeFileSync(join(sysfs, "modules"), `dm_mod 184320 0 - Live 0xffffffffc0400000\n${line}\n`);
  expect(isBusGrowing(sysfs)).toBe(growing);
});

test("a kernel without modules has no bus that is being filled", () => expect(isBusGrowing(sysfs)).toBe(false));
