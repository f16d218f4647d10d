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
    expect(text).toMatch(/active raid1 .*\n.*\[2\/2\] \[UU\]/);
  });

  test("with one member missing it is refused, and the member is named", async () => {
    const guest = await bootMd("raid1-luks-lvm", { absent: [1], append: "mkinitrd.timeout=2" });
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
});
