import { expect, test } from "vitest";
import { describeVolumes } from "../../../src/core/volumes/describe.ts";
import type { Volume } from "../../../src/core/volumes/types.ts";

const lv = { vg: "vg", vgUuid: "vu", lv: "lv", lvUuid: "lu", active: false };

test.each<{ what: string; volume: Volume; line: string }>([
  {
    what: "a partition",
    volume: {
      name: "/dev/vda2",
      layer: "partition",
      sizeBytes: 1.5 * 2 ** 30,
      partition: { number: 2, partUuid: "x", partLabel: "root" },
      content: { type: "ext4", uuid: "u-1", label: "my root" },
    },
    line: '/dev/vda2  ext4  LABEL="my root"  UUID=u-1  PARTLABEL="root"  1.5 GiB',
  },
  { what: "an empty disk", volume: { name: "/dev/vda", layer: "disk", sizeBytes: 0 }, line: "/dev/vda  disk  0 bytes" },
  { what: "a disk of another kind of machine", volume: { name: "/dev/sda", layer: "disk", sizeBytes: 2 ** 20, otherTable: "sun" }, line: "/dev/sda  disk  with a partition table of type sun, which is not read  1 MiB" },
  {
    what: "a volume with a missing PV",
    volume: { name: "vg/lv", layer: "lv", sizeBytes: 2 ** 20, lv: { ...lv, missingPvs: ["Iy3Z8K"] } },
    line: "vg/lv  lv  1 MiB  not active  missing PV Iy3Z8K",
  },
  {
    what: "damage, of which the first line is enough",
    volume: { name: "a", layer: "disk", sizeBytes: 1023, damage: "CRC is wrong\n  next: look" },
    line: "a  disk  1023 bytes  (CRC is wrong)",
  },
  {
    what: "a label that would clear the screen",
    volume: { name: "a", layer: "disk", sizeBytes: 4096, content: { type: "swap", label: "\u001b[2J", uuid: "\u202e" } },
    line: String.raw`a  swap  LABEL="\x1b[2J"  UUID=?  4 KiB`,
  },
])("$what is one line", ({ volume, line }) => {
  expect(describeVolumes([volume])).toEqual([line]);
});
