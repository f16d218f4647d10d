import { expect, test } from "vitest";
import { ramNeeded } from "../../../src/host/image/memory.ts";

const MIB = 1024 * 1024;

test.each([
  { unpacked: 20, packed: 10, common: 256, warns: false },
  { unpacked: 180, packed: 30, common: 512, warns: false },
  { unpacked: 230, packed: 40, common: 1024, warns: true },
  { unpacked: 5000, packed: 40, common: 10240, warns: true },
])("$unpacked MiB unpacked, $packed packed: a machine with $common MiB", ({ unpacked, packed, common, warns }) => {
  const need = ramNeeded([{ unpackedBytes: (unpacked * MIB) / 2, bytes: packed * MIB }, { unpackedBytes: (unpacked * MIB) / 2, bytes: 0 }]);
  expect(need.commonBytes / MIB).toBe(common);
  expect(need.bytes).toBeGreaterThan(2 * unpacked * MIB); // rootfs takes half of the RAM at most
  expect(need.warning !== undefined).toBe(warns);
});

test.each([
  { unpacked: 117.2, packed: 34, boots: 320 },
  { unpacked: 123, packed: 33.5, boots: 336 },
])("what was measured in a guest: $packed MiB packed boot with $boots MiB and not with 16 less", ({ unpacked, packed, boots }) => {
  expect(ramNeeded([{ unpackedBytes: unpacked * MIB, bytes: packed * MIB }]).bytes / MIB).toBe(boots);
});
