import { describe, expect, test } from "vitest";
import { formatRealroot } from "../../../src/core/realroot/stage.ts";
import { rootCandidates } from "../../../src/core/volumes/roots.ts";
import { volumeTree } from "../../../src/core/volumes/tree.ts";
import type { Volume } from "../../../src/core/volumes/types.ts";

const GIB = 2 ** 30;
const LUKS_UUID = "7a4d6f1e-1a55-4f0e-9a6c-2b1f6d3c8e04";
const DEVICE = { fields: ["device", "options"], options: [] };
const KINDS = { local: DEVICE, lvm: DEVICE, crypt: { fields: ["device", "name", "options"], options: [] } };

function volume(name: string, layer: Volume["layer"], more: Partial<Volume> = {}): Volume {
  return { name, layer, path: name, sizeBytes: GIB, ...more };
}

function logical(lv: string, devices: string[], more: Partial<Volume> = {}, active = true): Volume {
  const { path: _, ...rest } = volume(`vg00/${lv}`, "lv", { lv: { vg: "vg00", vgUuid: "v", lv, lvUuid: lv, active, missingPvs: [], devices }, ...more });
  return rest;
}

/** ESP, and LVM inside of LUKS; opened, as a machine has it whose boot went wrong behind that. */
const OPENED = [
  volume("/dev/vda", "disk", { sizeBytes: 2 * GIB }),
  volume("/dev/vda1", "partition", { parent: "/dev/vda", sizeBytes: 2 ** 24, content: { type: "vfat", label: "ESP\x1b" } }),
  volume("/dev/vda2", "partition", { parent: "/dev/vda", content: { type: "crypto_LUKS", uuid: LUKS_UUID, label: "cryptlvm" } }),
  volume("/dev/mapper/pv0", "mapping", { path: "/dev/dm-0", below: ["/dev/vda2"], dm: { name: "pv0", uuid: `CRYPT-LUKS2-${LUKS_UUID.replaceAll("-", "")}-pv0` }, content: { type: "LVM2_member", uuid: "p" } }),
  logical("root", ["/dev/dm-0"], { content: { type: "ext4", uuid: "1234-ab", label: "root" } }),
  logical("swap", ["/dev/dm-0"], { content: { type: "swap" } }, false),
];
const specs = (volumes: Volume[]) => rootCandidates(volumes).map(({ stages }) => formatRealroot(stages, KINDS));

describe("the tree", () => {
  test("what lies on a volume stands under it", () => {
    expect(volumeTree(OPENED)).toEqual([
      "/dev/vda  2 GiB",
      '├─/dev/vda1  16 MiB  vfat  "ESP?"',
      '└─/dev/vda2  1 GiB  crypto_LUKS  "cryptlvm"',
      "  └─/dev/mapper/pv0  1 GiB  LVM2_member",
      '    ├─vg00/root  1 GiB  ext4  "root"',
      "    └─vg00/swap  1 GiB  swap  (not active)",
    ]);
  });

  test("what lies on several volumes stands once, under the first", () => {
    const disks = ["/dev/vda", "/dev/vdb"].map((name) => volume(name, "disk", { content: { type: "LVM2_member" } }));
    expect(volumeTree([...disks, logical("striped", ["/dev/vda", "/dev/vdb"])])).toEqual(["/dev/vda  1 GiB  LVM2_member", "└─vg00/striped  1 GiB", "/dev/vdb  1 GiB  LVM2_member"]);
  });

  test("volumes that name each other as their own ground end all the same", () => {
    const round = [volume("/dev/a", "mapping", { below: ["/dev/b"] }), volume("/dev/b", "mapping", { below: ["/dev/a"] })];
    expect(volumeTree(round)).toEqual([]);
    expect(() => rootCandidates(round.map((one) => ({ ...one, content: { type: "ext4" } })))).not.toThrow();
  });
});

test("thousands of volumes take no time that a person would notice", () => {
  const many = [volume("/dev/sda", "disk", { content: { type: "LVM2_member" } }), ...Array.from({ length: 3000 }, (_, index) => logical(`lv${index}`, ["/dev/sda"], { content: { type: "ext4", uuid: String(index) } }))];
  const startedMs = performance.now();
  expect(volumeTree(many).length).toBe(3001);
  expect(rootCandidates(many).length).toBe(3000);
  expect(performance.now() - startedMs).toBeLessThan(2000);
});

describe("the volumes that may be the root", () => {
  test("a filesystem with the stages that open what it lies on", () => {
    expect(specs(OPENED)).toEqual([`crypt:none:UUID=${LUKS_UUID}:pv0 lvm:ext4:vg00/root`]);
    expect(rootCandidates(OPENED)[0]!.about).toBe('vg00/root  ext4 "root"  1 GiB');
  });

  test("LUKS that nobody has opened, on a partition and on a logical volume", () => {
    const luks = { content: { type: "crypto_LUKS", uuid: LUKS_UUID } };
    expect(specs([OPENED[0]!, volume("/dev/vda2", "partition", { parent: "/dev/vda", ...luks })])).toEqual([`crypt:auto:UUID=${LUKS_UUID}`]);
    expect(specs([volume("/dev/vda", "disk", { content: { type: "LVM2_member" } }), logical("root", ["/dev/vda"], luks)])).toEqual([`lvm:none:vg00/root crypt:auto:UUID=${LUKS_UUID}`]);
  });

  test("a filesystem on a partition, on LUKS, and one without a UUID", () => {
    const opened = OPENED.slice(0, 3).concat(volume("/dev/mapper/r", "mapping", { path: "/dev/dm-0", below: ["/dev/vda2"], dm: { name: "r", uuid: "CRYPT-LUKS2-7a4d6f1e1a554f0e9a6c2b1f6d3c8e04-r" }, content: { type: "xfs", uuid: "x" } }));
    expect(specs(opened)).toEqual([`crypt:xfs:UUID=${LUKS_UUID}:r`]);
    expect(specs([volume("/dev/vdb", "disk", { content: { type: "ext4", uuid: "e" } })])).toEqual(["local:ext4:UUID=e"]);
    expect(specs([volume("/dev/vdb", "disk", { content: { type: "squashfs" } })])).toEqual(["local:squashfs:/dev/vdb"]);
  });

  test.each(["BitLocker", "zfs_member", "isw_raid_member", "exfat", "ntfs"])("not %s: it holds other volumes, or no Linux", (type) => {
    expect(specs([volume("/dev/vdb", "disk", { content: { type, uuid: "u" } })])).toEqual([]);
  });

  test.each(["jfs", "bcachefs"])("%s, rare as it is", (type) => {
    expect(specs([volume("/dev/vdb", "disk", { content: { type, uuid: "u" } })])).toEqual([`local:${type}:UUID=u`]);
  });

  test("a logical volume whose content nobody can see before it is active", () => {
    const thin = logical("thin", ["/dev/vda"], {}, false);
    expect(specs([volume("/dev/vda", "disk", { content: { type: "LVM2_member" } }), { ...thin, lv: { ...thin.lv!, unread: true } }])).toEqual(["lvm:auto:vg00/thin"]);
  });
});

test("an image file without a UUID is named by its label; without that a word stands for the disk that it will be", () => {
  const image = (label: string | undefined, path: string): Volume => ({ name: path, path, layer: "disk", sizeBytes: 1 << 20, content: { type: "squashfs", ...(label === undefined ? {} : { label }) } });
  expect(specs([image("root", "a.img"), image(undefined, "b.img"), image("c", "/dev/vdc"), image(undefined, "/dev/vdd")])).toEqual(["local:squashfs:LABEL=root", "local:squashfs:/dev/DISK", "local:squashfs:/dev/vdc", "local:squashfs:/dev/vdd"]);
});
