import { expect, test } from "vitest";
import local from "../../rc.d/local.ts";
import lvm from "../../rc.d/lvm.ts";
import mount from "../../rc.d/mount.ts";
import pivot from "../../rc.d/pivot.ts";
import unlock from "../../rc.d/unlock.ts";
import { createTestContext } from "../../src/core/rc/testing.ts";
import type { Stage } from "../../src/core/realroot/types.ts";

const stage = (kind: string, device: string): Stage => ({ kind, fstype: "none", device, options: {}, mountOptions: [] });

test("unlock serves the stages in the order of the spec", async () => {
  const ctx = createTestContext({ request: { stages: [stage("crypt", "/dev/vda2"), stage("lvm", "vg00/lv0")] } });
  await unlock(ctx);
  expect(ctx.recorded).toEqual(["serve crypt:/dev/vda2", "serve lvm:vg00/lv0"]);
});

test("the root is mounted read-only with rootflags before the options of the spec", async () => {
  const realroot = { fstype: "btrfs", device: "/dev/vda1", mountOptions: ["noatime"], subvolume: "@" };
  const ctx = createTestContext({ realroot, volumes: { "/dev/vda1": {} }, request: { rootflags: ["discard"] } });
  await mount(ctx);
  expect(ctx.recorded).toContain("mount /dev/vda1 /new_root btrfs ro,discard,noatime,subvol=@");
});

test("a filesystem that is not named is found by its superblock", async () => {
  const ctx = createTestContext({ volumes: { "/dev/vda1": { content: { type: "xfs" } } }, request: { readonly: false } });
  await mount(ctx);
  expect(ctx.recorded).toContain("mount /dev/vda1 /new_root xfs rw");
});

test("a root with no filesystem that is known says so", async () => {
  const ctx = createTestContext({ volumes: { "/dev/vda1": {} } });
  await expect(mount(ctx)).rejects.toThrow(/finding the filesystem of the root on \/dev\/vda1: no filesystem/);
});

test("what holds a volume and no filesystem is not mounted as one", async () => {
  const ctx = createTestContext({ volumes: { "/dev/vda1": { content: { type: "crypto_LUKS" } } } });
  await expect(mount(ctx)).rejects.toThrow(/on \/dev\/vda1: crypto_LUKS, which is no filesystem\n {2}next: unlock it: crypt in place of local/);
});

test("when the mount fails, what is wrong with the filesystem is said", async () => {
  const damage = ["cut short: it needs 100 bytes, /dev/vda1 has 50"];
  const ctx = createTestContext({ volumes: { "/dev/vda1": { content: { type: "ext4", damage } } } });
  ctx.system.mount = () => Promise.reject(new Error("Invalid argument"));
  await expect(mount(ctx)).rejects.toThrow(/mounting the root on \/dev\/vda1: cut short: it needs 100 bytes/);
});

test("a root on a device-mapper device is mounted by its name, which the real root shows", async () => {
  const volume = { path: "/dev/dm-1", dm: { name: "vg00-lv0", uuid: "LVM-x" } };
  const ctx = createTestContext({ realroot: { device: "/dev/vg00/lv0" }, volumes: { "/dev/vg00/lv0": volume } });
  await expect(local(ctx)).resolves.toBe("/dev/mapper/vg00-lv0");
});

test("a member of an md array is no root, though it looks like the filesystem on the array", async () => {
  const ctx = createTestContext({ realroot: { fstype: "ext4" }, volumes: { "/dev/vda1": { content: { type: "linux_raid_member", uuid: "a-b", label: "host:root" } } } });
  await expect(local(ctx)).rejects.toThrow(/using it as the root on \/dev\/vda1: a member of the md array host:root\n {2}next: name the array/);
});

const ref = { vg: "my-vg", vgUuid: "u", lv: "my-lv", lvUuid: "v", active: false, missingPvs: [] };

test("lvm activates the one volume that is named, and doubles the dashes of its device-mapper name", async () => {
  const ctx = createTestContext({ realroot: { kind: "lvm", device: "my-vg/my-lv" }, volumes: { "my-vg/my-lv": { layer: "lv", lv: ref } } });
  await expect(lvm(ctx)).resolves.toBe("/dev/mapper/my--vg-my--lv");
  expect(ctx.recorded[0]).toBe("opens my--vg-my--lv"); // before it is open: whenever the boot ends, pid 1 closes it
  expect(ctx.recorded[1]).toMatch(/^exec lvm lvchange --activate y .* my-vg\/my-lv$/);
});

test("an active logical volume is left as it is", async () => {
  const volumes = { "my-vg/my-lv": { layer: "lv" as const, lv: { ...ref, active: true } } };
  const ctx = createTestContext({ realroot: { kind: "lvm", device: "my-vg/my-lv" }, volumes });
  await lvm(ctx);
  expect(ctx.recorded).toEqual([]);
});

test("the hand-over stops the device listener before it describes the mappings and names the init", async () => {
  const ctx = createTestContext({ request: { init: "/bin/myinit", initArguments: ["single"] } });
  await pivot(ctx);
  expect(ctx.recorded).toEqual(["devices stop", "describe mappings", "hand over /bin/myinit single"]);
});

test("every device of a btrfs is named to the kernel", async () => {
  const member = (path: string, id: number) => ({ path, content: { type: "btrfs", uuid: "f", member: { uuid: `m${id}`, id, count: 2 } } });
  const volumes = { "/dev/vda": member("/dev/vda", 1), "/dev/vdb": { ...member("/dev/dm-3", 2), dm: { name: "second", uuid: "CRYPT-x" } } };
  const ctx = createTestContext({ realroot: { device: "/dev/vda" }, volumes });
  await mount(ctx);
  expect(ctx.recorded).toContain("mount /dev/vda /new_root btrfs ro,device=/dev/mapper/second");
});

test("a subvolume of what has none is refused", async () => {
  const ctx = createTestContext({ realroot: { fstype: "ext4", subvolume: "@" } });
  await expect(mount(ctx)).rejects.toThrow(/the subvolume @ of a filesystem that is ext4: only btrfs/);
});

test.each([
  { type: "squashfs", version: undefined, words: "rw,ro" },
  { type: "ufs", version: "2", words: "rw,ro,ufstype=ufs2" },
  { type: "ufs", version: "1", words: "rw,ro,ufstype=44bsd" },
])("$type $version is mounted read-only, whatever was asked for", async ({ type, version, words }) => {
  const volumes = { "/dev/vda1": { content: { type, ...(version === undefined ? {} : { version }) } } };
  const ctx = createTestContext({ volumes, request: { readonly: false } });
  await mount(ctx);
  expect(ctx.recorded).toContain(`mount /dev/vda1 /new_root ${type} ${words}`);
});
