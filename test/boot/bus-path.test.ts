import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { busPaths } from "../../src/boot/bus-path.ts";

let sysfs: string;
beforeEach(() => void (sysfs = mkdtempSync(join(tmpdir(), "mkinitrd-sysfs-"))));
afterEach(() => rmSync(sysfs, { recursive: true }));

// Device paths as machines have them, with the links that udev made there.
test.each([
  { what: "virtio", path: "pci0000:00/0000:00:05.0/virtio2/block/vda", links: ["pci-0000:00:05.0", "virtio-pci-0000:00:05.0"] },
  { what: "NVMe behind a bridge", path: "pci0000:00/0000:00:1d.0/0000:03:00.0/nvme/nvme0/nvme0n1", files: { "pci0000:00/0000:00:1d.0/0000:03:00.0/nvme/nvme0/nvme0n1/nsid": "1" }, links: ["pci-0000:03:00.0-nvme-1"] },
  { what: "SATA", path: "pci0000:00/0000:00:17.0/ata3/host2/target2:0:0/2:0:0:0/block/sda", files: { "pci0000:00/0000:00:17.0/ata3/ata_port/ata3/port_no": "3" }, links: ["pci-0000:00:17.0-ata-3", "pci-0000:00:17.0-ata-3.0"] },
  { what: "USB", path: "pci0000:00/0000:00:14.0/usb2/2-1/2-1.4/2-1.4:1.0/host6/target6:0:0/6:0:0:0/block/sdb", links: ["pci-0000:00:14.0-usb-0:1.4:1.0-scsi-0:0:0:0"] },
  { what: "the second host of a SCSI controller", path: "pci0000:00/0000:00:04.0/virtio1/host8/target8:0:1/8:0:1:2/block/sdc", files: { "pci0000:00/0000:00:04.0/virtio1/host7/x": "" }, links: ["pci-0000:00:04.0-scsi-1:0:1:2"] },
  { what: "no bus that has such names", path: "virtual/block/loop0", links: [] },
])("$what", ({ path, files = {}, links }) => {
  mkdirSync(join(sysfs, path), { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(sysfs, name)), { recursive: true });
    writeFileSync(join(sysfs, name), `${text}\n`);
  }
  expect(busPaths(join(sysfs, path))).toEqual(links);
});

test("a disk that is gone has none", () => {
  expect(busPaths(join(sysfs, "gone"))).toEqual([]);
});
