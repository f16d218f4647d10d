import { expect, test } from "vitest";
import fstab from "../../rc.d/fstab.ts";
import mount from "../../rc.d/mount.ts";
import { createTestContext, type TestContextOptions } from "../../src/core/rc/testing.ts";
import type { BootRequest } from "../../src/core/realroot/types.ts";

const withE2fsck = (options: TestContextOptions, fsck?: BootRequest["fsck"]) =>
  createTestContext({ exists: ["/usr/sbin/e2fsck"], realroot: { fstype: "ext4" }, ...options, ...(fsck === undefined ? {} : { request: { fsck } }) });

test("the root is checked before it is mounted, and systemd is told so", async () => {
  const ctx = withE2fsck({});
  await mount(ctx);
  expect(ctx.recorded).toEqual([
    "serve local:/dev/vda1",
    "exec busybox blockdev --getro /dev/vda1",
    "step checking the root: e2fsck on /dev/vda1",
    "exec e2fsck -p /dev/vda1",
    expect.stringMatching(/^step checked the root: nothing to correct, \d+\.\d s$/),
    "checked root",
    "mount /dev/vda1 /new_root ext4 ro",
    "step mounted the root: /dev/vda1 (ext4, ro)",
  ]);
});

test.each([
  { fsck: {}, line: "exec e2fsck -p /dev/vda1" },
  { fsck: { mode: "force" as const }, line: "exec e2fsck -p -f /dev/vda1" },
  { fsck: { repair: "yes" as const }, line: "exec e2fsck -y /dev/vda1" },
  { fsck: { mode: "force" as const, repair: "no" as const }, line: "exec e2fsck -n -f /dev/vda1" },
])("fsck.mode and fsck.repair: $fsck", async ({ fsck, line }) => {
  const ctx = withE2fsck({}, fsck);
  await mount(ctx);
  expect(ctx.recorded).toContain(line);
});

test.each([
  { why: "with fsck.mode=skip", ctx: withE2fsck({}, { mode: "skip" }) },
  { why: "without the program in the image", ctx: createTestContext({ realroot: { fstype: "ext4" } }) },
  { why: "on a device that is read-only", ctx: withE2fsck({ outputs: ["1\n"] }) },
  { why: "that no fsck knows", ctx: withE2fsck({ realroot: { fstype: "xfs" } }) },
])("a root $why is mounted unchecked", async ({ ctx }) => {
  await mount(ctx);
  expect(ctx.recorded.filter((line) => /e2fsck|^checked/.test(line))).toEqual([]);
  expect(ctx.recorded.at(-2)).toMatch(/^mount \/dev\/vda1 /);
});

test("exit code 1: what was corrected is mounted", async () => {
  const ctx = withE2fsck({ exitCodes: [0, 1] });
  await mount(ctx);
  expect(ctx.recorded[4]).toMatch(/^step checked the root: errors were corrected/);
  expect(ctx.recorded).toContain("mount /dev/vda1 /new_root ext4 ro");
});

test.each([2, 3])("exit code %i: the machine is started again, and nothing is mounted", async (code) => {
  const ctx = withE2fsck({ exitCodes: [0, code] });
  await expect(mount(ctx)).rejects.toThrow(/wants a reboot, and there was none/);
  expect(ctx.recorded).toContain("exec busybox reboot -f");
  expect(ctx.recorded.filter((line) => line.startsWith("mount "))).toEqual([]);
});

test.each([
  { code: 4, found: /errors are left that it does not correct by itself, exit code 4 of e2fsck: one; UNEXPECTED INCONSISTENCY\n {2}next: boot with fsck\.repair=yes/ },
  { code: 5, found: /errors are left/ },
  { code: 8, found: /it could not do its work, exit code 8/ },
  { code: 128, found: /it could not do its work, exit code 128/ },
])("exit code $code: nothing is mounted, and what it said is shown", async ({ code, found }) => {
  const ctx = withE2fsck({ exitCodes: [0, code], outputs: ["0\n", "one\nUNEXPECTED INCONSISTENCY\n"] });
  await expect(mount(ctx)).rejects.toThrow(found);
  expect(ctx.recorded.filter((line) => /^(mount|checked) /.test(line))).toEqual([]);
});

test("f2fs has its own program and words", async () => {
  const ctx = createTestContext({ exists: ["/usr/sbin/fsck.f2fs"], realroot: { fstype: "f2fs" }, request: { fsck: { mode: "force" } } });
  await mount(ctx);
  expect(ctx.recorded).toContain("exec fsck.f2fs -f /dev/vda1");
});

test.each([
  { pass: 2, checked: ["checked usr"] },
  { pass: 0, checked: [] },
])("/usr with $pass as its pass number in fstab", async ({ pass, checked }) => {
  const ctx = createTestContext({
    exists: ["/usr/sbin/e2fsck", "/new_root/usr"],
    volumes: { "/dev/vda3": { content: { type: "ext4" } } },
    newRootFiles: { "/etc/fstab": `/dev/vda3 /usr ext4 defaults 0 ${pass}\n` },
  });
  await fstab(ctx);
  expect(ctx.recorded.filter((line) => line.startsWith("checked"))).toEqual(checked);
});
