import { expect, test } from "vitest";
import { bootRecipe, describeVm, vmImage } from "./boot-helper.ts";

describeVm("a root that other tools' kernel words name", () => {
  test("dracut's words open LVM in LUKS", async () => {
    const words = "root=/dev/mapper/vg00-lv0 ro rd.luks.uuid=luks-7a4d6f1e-1a55-4f0e-9a6c-2b1f6d3c8e04 rd.lvm.lv=vg00/lv0 rd.lvm.lv=vg00/swap0 rhgb";
    const guest = await bootRecipe("lvm-in-luks", { realroot: "", append: `${words} realroot.cat=/run/mkinitrd/log` });
    const text = await guest.waitFor("REALROOT-END");
    expect(text).toMatch(/root=\/dev\/mapper\/vg00-lv0:ext4:ro/);
    expect(text).toContain("as /dev/mapper/luks-7a4d6f1e-1a55-4f0e-9a6c-2b1f6d3c8e04");
    expect(text).not.toMatch(/warning:|swap0/); // of the two volumes named only the one that is needed is activated
  });

  test("mkinitcpio's cryptdevice= opens LUKS, on a disk named by a link of udev's", async () => {
    const words = "cryptdevice=/dev/disk/by-id/virtio-crypt-luks2-0-part1:foo:allow-discards root=/dev/mapper/foo rw";
    const guest = await bootRecipe("crypt-luks2", { realroot: "", append: words });
    await expect(guest.waitFor(/REALROOT .*\n/)).resolves.toMatch(/root=\/dev\/mapper\/foo:ext4:rw/);
  });

  test("systemd's rd.luks.name= and rd.luks.options= open LUKS, with the options", async () => {
    const uuid = "7a4d6f1e-1a55-4f0e-9a6c-2b1f6d3c8e02";
    const words = `rd.luks.name=${uuid}=secret rd.luks.options=${uuid}=discard,x-initrd.attach root=/dev/mapper/secret rootfstype=ext4 rootflags=noatime`;
    const guest = await bootRecipe("crypt-luks2", { realroot: "", append: `${words} realroot.cat=/proc/mounts realroot.cat=/sys/block/dm-0/queue/discard_max_bytes` });
    const text = await guest.waitFor(/REALROOT-END[^]*REALROOT-END/);
    expect(text).toMatch(/^\/dev\/mapper\/secret \/ ext4 ro,noatime/m);
    expect(text).toMatch(/discard_max_bytes\s+[1-9]\d+\s/); // 0 without the option
  });

  test("root=MAJOR:MINOR names the device by its number", async () => {
    const image = await vmImage({ realroots: ["local"] }); // else device-mapper may have that number
    const guest = await bootRecipe("local-ext4", { image, realroot: "", append: "root=254:2 rootdelay=1 rw init=/sbin/init -- numbered" });
    await expect(guest.waitFor(/REALROOT .*\n/)).resolves.toMatch(/root=\/dev\/vda2:ext4:rw arguments=numbered/);
  });

  test("root=PARTUUID= is mounted as the kernel alone would", async () => {
    const guest = await bootRecipe("local-ext4", { realroot: "", append: "root=PARTUUID=0f3b5a35-8a37-4d8e-b1f2-6b1d1c2a3e02 rootfstype=ext4 rootwait rw" });
    await expect(guest.waitFor(/REALROOT .*\n/)).resolves.toMatch(/root=\/dev\/vda2:ext4:rw /);
  });

  test("GRUB's root=UUID= of the filesystem inside opens the volume of the image's own spec", async () => {
    const image = await vmImage({ realroot: "crypt:ext4:UUID=7a4d6f1e-1a55-4f0e-9a6c-2b1f6d3c8e02:cryptroot" });
    const guest = await bootRecipe("crypt-luks2", { image, realroot: "", append: "root=UUID=2f1c7c5e-7e9e-4d6d-8f3e-0d9b1d0a6c05 ro" });
    await expect(guest.waitFor(/REALROOT .*\n/)).resolves.toMatch(/root=\/dev\/mapper\/cryptroot:ext4:ro/);
  });
});
