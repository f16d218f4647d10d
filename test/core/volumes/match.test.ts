import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findVolumes, parseDevice } from "../../../src/core/volumes/match.ts";
import type { Volume } from "../../../src/core/volumes/types.ts";

const lvRef = { vgUuid: "vu", lvUuid: "lu", missingPvs: [] };

const volumes: Volume[] = [
  { name: "/dev/vda", layer: "disk", path: "/dev/vda", sizeBytes: 1, serial: "S-1", wwid: "naa.5002538e40aabbcc", busPaths: ["pci-0000:00:05.0", "virtio-pci-0000:00:05.0"] },
  {
    name: "/dev/vda2",
    layer: "partition",
    path: "/dev/vda2",
    number: "254:2",
    sizeBytes: 1,
    parent: "/dev/vda",
    partition: { number: 2, partUuid: "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9", partLabel: "Größe 1/2" },
    content: { type: "crypto_LUKS", uuid: "4b947d26-30b6-4d0f-a5b7-b933b5913f77", label: "a b" },
  },
  { name: "/dev/mapper/root", layer: "mapping", path: "/dev/dm-0", sizeBytes: 1, dm: { name: "root", uuid: "CRYPT-" }, content: { type: "vfat", uuid: "CAFE-BABE", label: "åÅ" } },
  { name: "vg-0/my-lv", layer: "lv", sizeBytes: 1, lv: { vg: "vg-0", lv: "my-lv", active: false, ...lvRef } },
  { name: "vg/lv", layer: "lv", path: "/dev/dm-1", sizeBytes: 1, dm: { name: "vg-lv", uuid: "LVM-" }, lv: { vg: "vg", lv: "lv", active: true, ...lvRef } },
  { name: "disk.img:2", layer: "partition", sizeBytes: 1, parent: "disk.img" },
];

describe("a volume is found by", () => {
  test.each([
    { text: "/dev/vda2", found: ["/dev/vda2"] },
    { text: "vda2", found: ["/dev/vda2"] },
    { text: "/dev/block/254:2", found: ["/dev/vda2"] },
    { text: "/dev/block/254:20", found: [] },
    { text: "/dev/disk/by-id/virtio-S-1", found: ["/dev/vda"] },
    { text: "/dev/disk/by-id/ata-Some_Disk_500GB_S-1-part2", found: ["/dev/vda2"] },
    { text: "/dev/disk/by-id/usb-Vendor_Stick_S-1-0:0-part2", found: ["/dev/vda2"] },
    { text: "/dev/disk/by-id/nvme-Model_S-1_1", found: ["/dev/vda"] },
    { text: "/dev/disk/by-id/wwn-0x5002538E40aabbcc-part2", found: ["/dev/vda2"] },
    { text: "/dev/disk/by-id/scsi-35002538e40aabbcc", found: ["/dev/vda"] },
    { text: "/dev/disk/by-path/pci-0000:00:05.0-part2", found: ["/dev/vda2"] },
    { text: "/dev/disk/by-path/virtio-pci-0000:00:05.0", found: ["/dev/vda"] },
    { text: "/dev/disk/by-path/pci-0000:00:05.1", found: [] },
    { text: "/dev/disk/by-id/virtio-S-1-part1", found: [] },
    { text: "/dev/disk/by-id/virtio-XS-1", found: [] },
    { text: "/dev/disk/by-id/virtio-S-11", found: [] },
    { text: "/dev/disk/by-id/virtio-", found: [] },
    { text: "PARTUUID=0A1B2C3D-4E5F-6071-8293-a4b5c6d7e8f9/PARTNROFF=0", found: ["/dev/vda2"] },
    { text: "PARTUUID=0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9/PARTNROFF=1", found: [] },
    { text: "/dev/vda", found: ["/dev/vda"] },
    { text: "/dev/dm-1", found: ["vg/lv"] },
    { text: "/dev/mapper/root", found: ["/dev/mapper/root"] },
    { text: "/dev/mapper/vg-lv", found: ["vg/lv"] },
    { text: "/dev/mapper/vg--0-my--lv", found: ["vg-0/my-lv"] },
    { text: "/dev/mapper/vg-0-my-lv", found: [] },
    { text: "/dev/vg-0/my-lv", found: ["vg-0/my-lv"] },
    { text: "vg/lv", found: ["vg/lv"] },
    { text: "vg/other", found: [] },
    { text: "disk.img:2", found: ["disk.img:2"] },
    { text: "UUID=4B947D26-30b6-4d0f-a5b7-b933b5913f77", found: ["/dev/vda2"] },
    { text: "UUID=cafe-babe", found: ["/dev/mapper/root"] },
    { text: "LABEL=a b", found: ["/dev/vda2"] },
    { text: "LABEL=A B", found: [] },
    { text: "PARTUUID=0A1B2C3D-4E5F-6071-8293-A4B5C6D7E8F9", found: ["/dev/vda2"] },
    { text: "PARTLABEL=Größe 1/2", found: ["/dev/vda2"] },
    { text: "SERIAL=S-1", found: ["/dev/vda"] },
    { text: "/dev/disk/by-uuid/CAFE-BABE", found: ["/dev/mapper/root"] },
    { text: String.raw`/dev/disk/by-label/a\x20b`, found: ["/dev/vda2"] },
    { text: String.raw`/dev/disk/by-label/\xe5\xc5`, found: ["/dev/mapper/root"] },
    { text: String.raw`/dev/disk/by-partlabel/Größe\x201\x2f2`, found: ["/dev/vda2"] },
    { text: "/dev/disk/by-partuuid/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9", found: ["/dev/vda2"] },
    { text: "UUID=", found: [] },
    { text: "", found: [] },
  ])("$text", ({ text, found }) => {
    expect(findVolumes(volumes, text).map(({ name }) => name)).toEqual(found);
  });
});

test("every volume of that name is found: two copies, two groups of one name", () => {
  const copies = [volumes[1]!, { ...volumes[1]!, name: "/dev/vdb2", path: "/dev/vdb2" }];
  expect(findVolumes(copies, "LABEL=a b")).toHaveLength(2);
  expect(findVolumes([volumes[4]!, { ...volumes[4]!, path: "/dev/dm-7" }], "vg/lv")).toHaveLength(2);
});

test("a snapshot has its origin's UUID, and is not meant by it; by name it is found", () => {
  const content = { type: "ext4", uuid: "abc" };
  const origin: Volume = { name: "vg/o", layer: "lv", sizeBytes: 1, content, lv: { ...lvRef, vg: "vg", lv: "o", active: true } };
  const snapshot: Volume = { ...origin, name: "vg/s", lv: { ...lvRef, vg: "vg", lv: "s", active: true, snapshotOf: "o" } };
  expect(findVolumes([origin, snapshot], "UUID=abc")).toEqual([origin]);
  expect(findVolumes([snapshot], "UUID=abc")).toEqual([snapshot]);
  expect(findVolumes([origin, snapshot], "vg/s")).toEqual([snapshot]);
});

test("a label that a stick of NTFS has, too, is that of the ext4; where no usual volume has it, it is the stick's", () => {
  const ext4: Volume = { name: "/dev/vda1", layer: "partition", sizeBytes: 1, content: { type: "ext4", label: "root" } };
  const copy: Volume = { ...ext4, name: "/dev/vdb1" };
  const ntfs: Volume = { name: "/dev/sda1", layer: "partition", sizeBytes: 1, content: { type: "ntfs", label: "root" } };
  const names = (among: Volume[]) => findVolumes(among, "LABEL=root").map(({ name }) => name);
  expect(names([ntfs, ext4])).toEqual(["/dev/vda1"]);
  expect(names([ext4, ntfs, copy])).toEqual(["/dev/vda1", "/dev/vdb1"]);
  expect(names([ntfs])).toEqual(["/dev/sda1"]);
});

test("any text is some name", () => {
  fc.assert(fc.property(fc.string({ maxLength: 40 }), fc.constantFrom("", "/dev/", "/dev/disk/by-label/", "UUID="), (text, before) => {
    expect(parseDevice(before + text).text).toBe(before + text);
    findVolumes(volumes, before + text);
  }));
});

test("PARTNROFF counts from the partition that is named, on the same disk", () => {
  const partition = (path: string, parent: string, number: number, partUuid: string): Volume => ({ name: path, layer: "partition", path, sizeBytes: 1, parent, partition: { number, partUuid } });
  const all = [partition("/dev/vda1", "/dev/vda", 1, "aa-01"), partition("/dev/vda2", "/dev/vda", 2, "aa-02"), partition("/dev/vdb2", "/dev/vdb", 2, "bb-02")];
  const names = (text: string) => findVolumes(all, text).map(({ name }) => name);
  expect(names("PARTUUID=aa-01/PARTNROFF=1")).toEqual(["/dev/vda2"]);
  expect(names("PARTUUID=bb-02/PARTNROFF=-1")).toEqual([]);
});
