import { expect, test } from "vitest";
import { chooseBus } from "../../../src/host/prove/prove.ts";

const ALL = ["virtio_pci", "virtio_blk", "nvme", "ahci", "sd_mod", "virtio_scsi"];

test.each([
  [ALL, undefined, "virtio"],
  [ALL, "nvme", "nvme"],
  [ALL, "scsi", "ahci"],
  [["nvme", "ahci", "sd_mod"], undefined, "nvme"],
  [["virtio_pci", "virtio_scsi", "sd_mod"], "scsi", "scsi"],
] as const)("an image with %s, names of %s: %s", (drivers, nodes, bus) => {
  expect(chooseBus(new Set(drivers), nodes)).toBe(bus);
});

test("an image that has no driver for them is refused with what is missing", () => {
  expect(() => chooseBus(new Set(["ahci", "sd_mod"]), "nvme")).toThrow(/called as in the realroot \(nvme\): none that a virtual machine has; it could use nvme/);
});
