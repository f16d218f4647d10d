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
  expect(need.bytes).toBeGreaterThanOrEqual(2 * unpacked * MIB); // rootfs takes half of the RAM at most
  expect(need.warning !== undefined).toBe(warns);
});

test("what was measured in a guest, 320 MiB and not 304, is what comes out", () => {
  const { bytes } = ramNeeded([{ unpackedBytes: 117.2 * MIB, bytes: 34 * MIB }]);
  expect(bytes / MIB).toBeGreaterThan(304);
  expect(bytes / MIB).toBeLessThan(324);
});
