import { expect, test } from "vitest";
import { bootRecipe, describeVm, vmImage } from "./boot-helper.ts";
import { vmDisk } from "./disks.ts";

const KINDS = ["local", "crypt", "lvm", "md"];
const MIRROR = "md:none:UUID=6b1f0d5e-9c1a-4a52-8d0e-3f2b7c4a9e01";
const ROOT_ON_MIRROR = /root=\/dev\/mapper\/vg00-lv0:ext4:ro/;

describeVm("a root on md arrays", () => {
  const bootMd = async (name: string, options: Parameters<typeof bootRecipe>[1] = {}) =>
    bootRecipe(name, { image: await vmImage({ realroots: KINDS }), ...options });
  const mirrorWith = async (degraded: string) => `${MIRROR}:degraded=${degraded} ${(await vmDisk("raid1-luks-lvm")).recipe.realroot}`;

  test("LVM in LUKS on a mirror needs no stage for the array", async () => {
    const guest = await bootMd("raid1-luks-lvm", { append: "realroot.cat=/proc/mdstat" });
    const text = await guest.waitFor("REALROOT-END");
    expect(text).toMatch(ROOT_ON_MIRROR);
    expect(text).toMatch(/active (?:\(auto-read-only\) )?raid1 .*\n.*\[2\/2\] \[UU\]/);
  });

  test("with one member missing it is refused, and the member is named", async () => {
    const guest = await bootMd("raid1-luks-lvm", { absent: [1], append: "mkinitrd.timeout=8" });
    await guest.waitFor(/raid1[^]*member 2 of 2[^]* is missing[^]*degraded=/);
    await guest.waitFor("Choose:");
  });

  test("degraded=SECONDS starts it then, with a warning", async () => {
    const guest = await bootMd("raid1-luks-lvm", { absent: [0], realroot: await mirrorWith("3"), append: "realroot.cat=/proc/mdstat" });
    await guest.waitFor(/without member 1 of 2/);
    const text = await guest.waitFor("REALROOT-END");
    expect(text).toMatch(ROOT_ON_MIRROR);
    expect(text).toMatch(/\[2\/1\] \[_U\]/);
  });

  test("degraded=ask starts it after a y at the console, and not after an n", async () => {
    const guest = await bootMd("raid1-luks-lvm", { absent: [1], realroot: await mirrorWith("ask"), append: "mkinitrd.timeout=8 realroot.cat=/proc/mdstat" });
    await guest.waitFor(/lacks member 2 of 2; there is[^]*y starts it/);
    guest.type("n");
    await expect(guest.waitFor("Choose:")).resolves.toMatch(/member 2 of 2 is missing, and it was not to be started without/);
    guest.type("r");
    await guest.waitFor("y starts it");
    guest.type("y");
    const text = await guest.waitFor("REALROOT-END");
    expect(text).toMatch(ROOT_ON_MIRROR);
    expect(text).toMatch(/\[2\/1\] \[U_\]/);
  });

  test.runIf(process.env["MKINITRD_TEST_ALL"])("after a failed boot the array is stopped: Retry assembles it again", async () => {
    const realroot = (await mirrorWith("1")).replace("lvm:ext4", "lvm:xfs");
    const guest = await bootMd("raid1-luks-lvm", { absent: [1], realroot, answers: {} });
    for (const attempt of ["first", "second"]) {
      await guest.waitFor(/without member 2 of 2/);
      await guest.waitFor("Passphrase for");
      guest.type("correct horse\r");
      await guest.waitFor("Choose:");
      if (attempt === "first") guest.type("r");
    }
  });

  test("a raid5 is found by its name, one disk being late", async () => {
    const guest = await bootMd("raid5", { hotplug: [2] });
    await guest.waitFor(/Waiting for \/dev\/md\/five/);
    await guest.hotplug(guest.machine.disks[2]!);
    await expect(guest.waitFor(/REALROOT .*\n/)).resolves.toMatch(/root=\/dev\/md127:ext4:ro/);
  });

  test("a mirror whose metadata is at the end is not mistaken for the filesystem that its members look like", async () => {
    const guest = await bootMd("raid1-at-end", { append: "realroot.cat=/proc/mdstat" });
    const text = await guest.waitFor("REALROOT-END");
    expect(text).toMatch(/root=\/dev\/md\d+:ext4:ro/);
    expect(text).toMatch(/super 1\.0 \[2\/2\] \[UU\]/);
    expect(text).not.toContain("super 1.2"); // nobody needed the other array
  });

  test.runIf(process.env["MKINITRD_TEST_ALL"])("a mirror with metadata 0.90 on partitions is assembled as the number that it has", async () => {
    const guest = await bootMd("raid1-at-end", { realroot: "md:ext4:UUID=6b1f0d5e-9c1a-4a52-8d0e-3f2b7c4a9e04", append: "realroot.cat=/proc/mdstat" });
    const text = await guest.waitFor("REALROOT-END");
    expect(text).toMatch(/root=\/dev\/md\d+:ext4:ro/);
    expect(text).toMatch(/active (?:\(auto-read-only\) )?raid1 .*\n +\d+ blocks \[2\/2\] \[UU\]/); // of 0.90 the kernel names no version
  });

  test("raid0, raid6 and raid10 are assembled, each from its own members", async () => {
    const guest = await bootMd("md-levels", { realroot: "md:none:zero md:none:six md:ext4:ten", append: "realroot.cat=/proc/mdstat" });
    const text = await guest.waitFor("REALROOT-END");
    expect(text).toMatch(/active (?:\(auto-read-only\) )?raid0 .*\[2\].*\n/);
    expect(text).toMatch(/active (?:\(auto-read-only\) )?raid6 .*\n.* level 6, .*\[4\/4\] \[UUUU\]/);
    expect(text).toMatch(/active (?:\(auto-read-only\) )?raid10 .*\n.*\[4\/4\] \[UUUU\]/);
    expect(text).toMatch(/root=\/dev\/md\d+:ext4:ro/);
  });

  test.runIf(process.env["MKINITRD_TEST_ALL"])("raid6 and raid10 start without a member where the policy gives it; a raid0 without one never", async () => {
    const guest = await bootMd("md-levels", { absent: [3], realroot: "md:none:zero md:none:six:degraded=5 md:ext4:ten:degraded=5", append: "realroot.cat=/proc/mdstat" });
    const text = await guest.waitFor("REALROOT-END");
    for (const level of ["raid6", "raid10"]) expect(text).toMatch(new RegExp(`active (?:\\(auto-read-only\\) )?${level} .*\\n.*\\[4/3\\] \\[UUU_\\]`));
    const other = await bootMd("md-levels", { absent: [2], realroot: "md:none:zero:degraded=5 md:ext4:ten:degraded=5", append: "mkinitrd.timeout=8" });
    await expect(other.waitFor("Choose:")).resolves.toMatch(/raid0[^]*without it the array can't be read/);
  });
});
