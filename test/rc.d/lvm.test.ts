import { describe, expect, test } from "vitest";
import lvm from "../../rc.d/lvm.ts";
import { createTestContext, type TestContextOptions } from "../../src/core/rc/testing.ts";
import type { LogicalVolumeRef } from "../../src/core/volumes/types.ts";

const ref: LogicalVolumeRef = {
  vg: "vg", vgUuid: "u", lv: "root", lvUuid: "v", active: false, missingPvs: [],
  devices: ["/dev/vda", "/dev/vdb"], mappings: ["vg-root_rimage_0", "vg-root_rimage_1", "vg-root"],
};

function context(lv: Partial<LogicalVolumeRef>, options: Record<string, string | true> = {}, more: TestContextOptions = {}) {
  return createTestContext({ realroot: { kind: "lvm", device: "vg/root", options }, volumes: { "vg/root": { layer: "lv", lv: { ...ref, ...lv } } }, ...more });
}

test("every device that activation makes is noted before lvm runs, the volume's own last", async () => {
  const ctx = context({});
  await lvm(ctx);
  expect(ctx.recorded.slice(0, 3)).toEqual(["opens vg-root_rimage_0", "opens vg-root_rimage_1", "opens vg-root"]);
  expect(ctx.recorded[3]).toMatch(/^exec lvm lvchange/);
});

test("lvm sees the devices of the group alone, and may take some time but not all", async () => {
  const ctx = context({});
  let timeoutMs: number | undefined;
  await lvm({ ...ctx, exec: (program, args, options) => ((timeoutMs = options?.timeoutMs), ctx.exec(program, args, options)) });
  expect(ctx.recorded[3]).toContain(" --activationmode complete ");
  expect(ctx.recorded[3]).toMatch(/ --devices \/dev\/vda,\/dev\/vdb -- vg\/root$/);
  expect(timeoutMs).toBe(120_000);
});

test("a device of the same name that is another volume is not taken for it", async () => {
  const ctx = context({}, {}, { exists: ["/dev/mapper/vg-root"] });
  await expect(lvm(ctx)).rejects.toThrow(/activating a logical volume on vg\/root: \/dev\/mapper\/vg-root is there, and is another volume/);
  expect(ctx.recorded).toEqual([]);
});

describe("with a leg missing", () => {
  const lost = { missingPvs: ["Iy3Z8K"], degradable: true };

  test("after the wait it starts degraded, and says so", async () => {
    const ctx = context(lost, { degraded: "5" });
    await lvm(ctx);
    expect(ctx.recorded[0]).toBe("warn vg/root starts degraded: physical volume Iy3Z8K did not come");
    expect(ctx.recorded.join("\n")).toContain(" --activationmode degraded ");
    expect(ctx.recorded.at(-1)).toBe("step activated vg/root, degraded: without physical volume Iy3Z8K");
  });

  test("ask: y starts it, n does not", async () => {
    const yes = context(lost, { degraded: "ask" }, { confirmations: [true] });
    await lvm(yes);
    expect(yes.recorded[0]).toBe("confirm Start vg/root degraded?");
    expect(yes.recorded.join("\n")).toContain(" --activationmode degraded ");
    const no = context(lost, { degraded: "ask" }, { confirmations: [false] });
    await expect(lvm(no)).rejects.toThrow(/physical volume Iy3Z8K is missing, and it was not to be started without/);
    expect(no.recorded).toEqual(["confirm Start vg/root degraded?"]);
  });
});

test("an option out of range is refused before anything is looked for", async () => {
  const ctx = context({}, { degraded: "maybe" });
  const volumes = { ...ctx.volumes, findLogical: () => Promise.reject(new Error("looked for")) };
  await expect(lvm({ ...ctx, volumes })).rejects.toThrow(/reading the option degraded of the realroot on vg\/root: "maybe"; known: .*\n.*next: write degraded=ask/);
});
