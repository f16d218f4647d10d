import { expect, test } from "vitest";
import { nodesOf, partitionNode, renamer } from "../../../src/host/inspect/disk-nodes.ts";

test.each([
  ["/dev/sda", "/dev/sda2"], ["/dev/vdb", "/dev/vdb2"], ["/dev/nvme0n1", "/dev/nvme0n1p2"], ["/dev/mmcblk0", "/dev/mmcblk0p2"], ["/dev/loop3", "/dev/loop3p2"],
  ["/dev/md127", "/dev/md127p2"], ["/dev/disk/by-id/ata-DISK_1", "/dev/disk/by-id/ata-DISK_1-part2"],
  ["/dev/mapper/whole", undefined], ["/dev/dm-3", undefined], ["disk.img", undefined],
])("the second partition of %s is %s", (disk, node) => {
  expect(partitionNode(disk, 2)).toBe(node);
});

test("names become nodes where they are words, the longest one first", () => {
  const rename = renamer(new Map([["a.img", "/dev/vda"], ["a.img:1", "/dev/vda1"], ["b c.img", "/dev/vdb"]]));
  expect(rename("0 8 striped 3 128 a.img 0 a.img:1 0 b c.img 0")).toBe("0 8 striped 3 128 /dev/vda 0 /dev/vda1 0 /dev/vdb 0");
  expect(rename("0 8 linear aximg 0")).toBe("0 8 linear aximg 0");
  expect(renamer(new Map())("0 8 linear a.img 0")).toBe("0 8 linear a.img 0");
});

test("what is on a logical volume calls it by the node that its own table makes, unless the kernel has one", () => {
  const lv = { vg: "vg-0", vgUuid: "", lv: "root", lvUuid: "", active: false, missingPvs: [] };
  expect(nodesOf([{ name: "vg-0/root", layer: "lv", sizeBytes: 0, lv }], new Map())).toEqual(new Map([["vg-0/root", "/dev/mapper/vg--0-root"]]));
  expect(nodesOf([{ name: "vg-0/root", layer: "lv", sizeBytes: 0, path: "/dev/dm-3", lv }], new Map())).toEqual(new Map());
});
