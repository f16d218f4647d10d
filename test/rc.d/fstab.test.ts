import { expect, test } from "vitest";
import fstab from "../../rc.d/fstab.ts";
import { createTestContext } from "../../src/core/rc/testing.ts";

const volumes = { "UUID=1": { path: "/dev/vda3", content: { type: "ext4" } }, "/dev/vda3": { path: "/dev/vda3", content: { type: "ext4" } } };
const exists = ["/new_root/usr", "/new_root/srv"];
const context = (text: string, readonly = true) => createTestContext({ volumes, exists, newRootFiles: { "/etc/fstab": text }, request: { readonly } });

test("/usr is mounted under the new root, read-only as the root is", async () => {
  const ctx = context("UUID=1 /usr ext4 rw,noatime 0 0\n");
  await fstab(ctx);
  expect(ctx.recorded).toContain("mount /dev/vda3 /new_root/usr ext4 noatime,ro");
});

test("/usr is mounted read-write where the root is, and by its superblock where fstab says auto", async () => {
  const ctx = context("UUID=1 /usr auto noatime 0 0\n", false);
  await fstab(ctx);
  expect(ctx.recorded).toContain("mount /dev/vda3 /new_root/usr ext4 noatime");
});

test("a root without an fstab is left as it is", async () => {
  const ctx = createTestContext();
  await fstab(ctx);
  expect(ctx.recorded).toEqual([]);
});

test("what can't be mounted is a warning, and the next entry is mounted", async () => {
  const ctx = context("UUID=2 /srv ext4 x-initrd.mount\nUUID=1 /opt ext4 x-initrd.mount\nUUID=1 /usr ext4\n");
  await fstab(ctx);
  expect(ctx.recorded[0]).toMatch(/^warn mounting \/srv as the root's \/etc\/fstab says on UUID=2: .*did not appear.*goes on without it/);
  expect(ctx.recorded[1]).toMatch(/^warn .*there is no directory \/opt in the root/);
  expect(ctx.recorded).toContain("mount /dev/vda3 /new_root/usr ext4 ro");
});

test("without /usr there is no boot", async () => {
  await expect(fstab(context("UUID=2 /usr ext4\n"))).rejects.toThrow(/mounting \/usr as the root's \/etc\/fstab says on UUID=2: .*did not appear/);
});

test("a bind mount leads from one directory of the new root to another", async () => {
  const ctx = context("/usr /srv none bind,x-initrd.mount\n");
  await fstab(ctx);
  expect(ctx.recorded).toContain("mount /new_root/usr /new_root/srv none bind");
});
