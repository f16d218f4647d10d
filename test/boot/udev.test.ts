import { expect, test } from "vitest";
import { udevEntry } from "../../src/boot/udev.ts";

test("the entry has the flag that lets a coldplugged device-mapper device pass lvm2's rules", () => {
  const lines = udevEntry("vg00-lv0", "LVM-abc", 7.5).split("\n");
  expect(lines).toContain("E:DM_UDEV_PRIMARY_SOURCE_FLAG=1");
  expect(lines).toContain("I:7500000");
  expect(lines).toContain("S:mapper/vg00-lv0");
  expect(lines.filter((line) => line !== "").every((line) => /^[SIEGQV]:/.test(line))).toBe(true);
});
