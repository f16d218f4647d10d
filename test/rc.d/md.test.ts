import { expect, test } from "vitest";
import md from "../../rc.d/md.ts";
import { createTestContext } from "../../src/core/rc/testing.ts";
import type { ArrayRef, Volume } from "../../src/core/volumes/types.ts";

const ref: ArrayRef = {
  uuid: "a79de76e-c83c-2638-a8d6-d009426b58ec", level: "raid1", metadata: "1.2", name: "host:root", node: "/dev/md/root", active: false,
  devices: 2, failed: 0, missing: [], outdated: [], startable: true, members: ["/dev/vda1", "/dev/vdb1"],
};

/** A machine with one array, and the node that mdadm makes. */
function context(more: Partial<ArrayRef> = {}, options: Record<string, string | true> = {}, rest: Parameters<typeof createTestContext>[0] = {}) {
  const array: Partial<Volume> & { path?: string } = { name: "/dev/md/root", layer: "array", md: { ...ref, ...more } };
  const waits: ({ afterMs?: number } | undefined)[] = [];
  const ctx = createTestContext({ realroot: { kind: "md", device: "/dev/md/root", options }, volumes: { "/dev/md127": {}, "/dev/md0": {} }, ...rest });
  const findArray = async (_name: string, degraded?: { afterMs?: number }) => {
    waits.push(degraded);
    return { sizeBytes: 1, ...array } as Volume & { md: ArrayRef };
  };
  return { ...ctx, waits, volumes: { ...ctx.volumes, findArray } };
}

test("an array is assembled by its UUID from the members that were found, and noted before it is", async () => {
  const ctx = context();
  await expect(md(ctx)).resolves.toBe("/dev/md127");
  expect(ctx.recorded).toEqual([
    "opens /dev/md127",
    "exec mdadm --assemble /dev/md127 --config=none --uuid=a79de76e-c83c-2638-a8d6-d009426b58ec /dev/vda1 /dev/vdb1",
    "step assembled /dev/md/root (raid1) as /dev/md127",
  ]);
  expect(ctx.waits).toEqual([undefined]);
});

test("it gets the number that is its name, unless another has it", async () => {
  await expect(md(context({ node: "/dev/md0" }))).resolves.toBe("/dev/md0");
  await expect(md(context({ node: "/dev/md0" }, {}, { exists: ["/sys/block/md0"], volumes: { "/dev/md127": {} } }))).resolves.toBe("/dev/md127");
});

test("without a member it is started only where the policy gave it, with a warning", async () => {
  const ctx = context({ missing: [1] }, { degraded: "7" });
  await md(ctx);
  expect(ctx.waits).toEqual([{ afterMs: 7000 }]);
  expect(ctx.recorded[1]).toContain(" --run /dev/vda1");
  expect(ctx.recorded).toContain("warn started /dev/md/root (raid1) without member 2 of 2");
});

test.each([true, false])("degraded=ask asks when the time is over; started: %s", async (yes) => {
  const ctx = context({ missing: [1], members: ["/dev/vda1"] }, { degraded: "ask" }, { confirmations: [yes], volumes: { "/dev/md127": {} } });
  if (yes) await expect(md(ctx)).resolves.toBe("/dev/md127");
  else await expect(md(ctx)).rejects.toThrow(/member 2 of 2 is missing, and it was not to be started without/);
  expect(ctx.waits).toEqual([{}]);
  expect(ctx.recorded.some((line) => line.startsWith("exec mdadm"))).toBe(yes);
});

test.each([{}, { active: true, missing: [1] }])("nobody is asked about an array that is %o", async (more) => {
  const ctx = context(more, { degraded: "ask" });
  await md(ctx);
  expect(ctx.recorded.join()).not.toMatch(/ask|confirm/);
});

test("what it had lost before is said", async () => {
  const ctx = context({ failed: 1, members: ["/dev/vda1"] });
  await md(ctx);
  expect(ctx.recorded).toContain("warn /dev/md/root (raid1) had lost 1 of its 2 members already");
});

test.each([true as const, "", "soon", "-1", "1.5", "999999"])("degraded=%s is refused with what may stand there", async (degraded) => {
  await expect(md(context({}, { degraded }))).rejects.toThrow(/degraded of the realroot[^]*degraded=ask, degraded=never or degraded=SECONDS/);
});
