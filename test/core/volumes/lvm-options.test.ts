import { expect, test } from "vitest";
import { parseLvmOptions } from "../../../src/core/volumes/lvm-options.ts";

const VG_UUID = "Iy3Z8K-dFKx-b2hO-0gYv-3Xkq-7Qwe-a1B2c3"; // as vgs -o vg_uuid prints one

test.each([
  { given: {}, means: { ask: false } },
  { given: { degraded: "never" }, means: { ask: false } },
  { given: { degraded: "ask" }, means: { ask: true, degraded: {} } },
  { given: { degraded: "0" }, means: { ask: false, degraded: { afterMs: 0 } } },
  { given: { degraded: "30", "vg-uuid": VG_UUID }, means: { ask: false, degraded: { afterMs: 30_000 }, vgUuid: VG_UUID } },
])("$given means $means", ({ given, means }) => {
  expect(parseLvmOptions(given)).toEqual(means);
});

test.each([
  { key: "degraded", value: "yes", reason: '"yes"; known: ask, never, or a number of seconds up to 9999' },
  { key: "degraded", value: "1.5", reason: /^"1\.5"; known/ },
  { key: "degraded", value: "-1", reason: /^"-1"; known/ },
  { key: "degraded", value: "99999", reason: /^"99999"; known/ },
  { key: "degraded", value: true as const, reason: "it has no value" },
  { key: "vg-uuid", value: true as const, reason: "it has no value" },
  { key: "vg-uuid", value: "Iy3Z8K", reason: '"Iy3Z8K", which is no UUID of LVM' },
  { key: "vg-uuid", value: VG_UUID.replaceAll("-", ""), reason: /no UUID of LVM/ },
])("$key=$value is refused", ({ key, reason, value }) => {
  expect(parseLvmOptions({ [key]: value })).toMatchObject({ key, reason: typeof reason === "string" ? reason : expect.stringMatching(reason), next: expect.stringContaining(`write ${key}=`) });
});
