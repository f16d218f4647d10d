import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { describeMappings, udevEntry } from "../../src/boot/udev.ts";

let root: string;
let places: { classBlock: string; dev: string; data: string };
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "mkinitrd-udev-"));
  places = { classBlock: join(root, "block"), dev: join(root, "dev"), data: join(root, "data") };
  for (const folder of ["block", "dev/mapper", "dev/vg00"]) mkdirSync(join(root, folder), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true }));

function mapping(kernelName: string, dev: string, name?: string, uuid = "LVM-x"): void {
  mkdirSync(join(places.classBlock, kernelName, "dm"), { recursive: true });
  writeFileSync(join(places.classBlock, kernelName, "dev"), `${dev}\n`);
  if (name === undefined) return;
  writeFileSync(join(places.classBlock, kernelName, "dm/name"), `${name}\n`);
  writeFileSync(join(places.classBlock, kernelName, "dm/uuid"), `${uuid}\n`);
}

test("the entry has the flag that lets a coldplugged device-mapper device pass lvm2's rules", () => {
  const lines = udevEntry("vg00-lv0", "LVM-abc", 7.5).split("\n");
  expect(lines).toContain("E:DM_UDEV_PRIMARY_SOURCE_FLAG=1");
  expect(lines).toContain("I:7500000");
  expect(lines).toContain("S:mapper/vg00-lv0");
  expect(lines.filter((line) => line !== "").every((line) => /^[SIEGQV]:/.test(line))).toBe(true);
});

test("a mapping without a UUID has no link by UUID", () => {
  expect(udevEntry("plain", "", 1)).not.toMatch(/uuid/i);
});

// What libdm's flags for LVM's private devices set, and what systemd's 99-systemd.rules make of the last of them.
test.each([
  { name: "vg00-root_rimage_0", uuid: `LVM-${"A".repeat(64)}` },
  { name: "vg00-pool-tpool", uuid: `LVM-${"A".repeat(64)}-tpool` },
])("$name, a part of a logical volume, is left alone by rules and units", ({ name, uuid }) => {
  const lines = udevEntry(name, uuid, 1).split("\n");
  for (const flag of ["SUBSYSTEM", "DISK", "OTHER"]) expect(lines).toContain(`E:DM_UDEV_DISABLE_${flag}_RULES_FLAG=1`);
  expect(lines).toContain("E:DM_COOKIE_DISABLE_OTHER_RULES_FLAG=1");
  expect(lines).toContain("E:SYSTEMD_READY=0");
  expect(lines.filter((line) => line.startsWith("S:"))).toEqual([`S:mapper/${name}`]);
});

// As the udev of Debian 13 had it after `lvcreate --snapshot`: L:-100 and the flag for the snapshot, neither for its origin.
test("the link by a filesystem's UUID is left to a snapshot's origin", () => {
  const [vg, origin, snapshot] = ["A", "B", "C"].map((letter) => letter.repeat(32));
  mapping("dm-0", "253:0", "vg00-root-real", `LVM-${vg}${origin}-real`);
  mapping("dm-1", "253:1", "vg00-root", `LVM-${vg}${origin}`);
  mapping("dm-2", "253:2", "vg00-before-cow", `LVM-${vg}${snapshot}-cow`);
  mapping("dm-3", "253:3", "vg00-before", `LVM-${vg}${snapshot}`);
  describeMappings(() => {}, places);
  const low = readdirSync(places.data).filter((file) => /^L:-100$[^]*^E:DM_UDEV_LOW_PRIORITY_FLAG=1$/m.test(readFileSync(join(places.data, file), "utf8")));
  expect(low).toEqual(["b253:3"]);
});

test("a device that has just gone, and a name that would be two lines, hide no other", () => {
  const warnings: string[] = [];
  mapping("dm-0", "253:0");
  mapping("dm-1", "253:1", "evil\nE:SYSTEMD_MOUNT=x");
  mapping("dm-2", "253:2", "pv0", "CRYPT-LUKS2-x");
  mapping("vda", "254:0");
  describeMappings((text) => void warnings.push(text), places);
  expect(readdirSync(places.data)).toEqual(["b253:2"]);
  expect(readFileSync(join(places.data, "b253:2"), "utf8")).toContain("E:DM_UUID=CRYPT-LUKS2-x\n");
  expect(warnings).toEqual([expect.stringMatching(/dm-0: .*ENOENT/), expect.stringMatching(/dm-1: .*not of plain characters/)]);
});

test.skipIf(process.getuid?.() !== 0)("the mapping's own nodes become links, and no other does", () => {
  for (const [path, minor] of [["mapper/pv0", "300"], ["vg00/lv0", "300"], ["mapper/other", "44"]]) execFileSync("mknod", [join(places.dev, path!), "b", "253", minor!]);
  mapping("dm-300", "253:300", "pv0");
  describeMappings(() => {}, places);
  expect(["mapper/pv0", "vg00/lv0"].map((path) => readlinkSync(join(places.dev, path)))).toEqual(["../dm-300", "../dm-300"]);
  expect(lstatSync(join(places.dev, "mapper/other")).isBlockDevice()).toBe(true);
  expect(existsSync(join(places.data, "b253:300"))).toBe(true);
});
