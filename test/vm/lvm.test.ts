import { expect, test } from "vitest";
import { bootRecipe, describeVm } from "./boot-helper.ts";
import { vmDisk } from "./disks.ts";

describeVm("a root on LVM", () => {
  test("lvm: activates the logical volume that is named", async () => {
    const guest = await bootRecipe("lvm");
    await expect(guest.waitFor(/REALROOT .*\n/)).resolves.toMatch(/root=\/dev\/mapper\/vg00-lv0:ext4:ro/);
  });

  test("local: on a volume striped over two disks activates it as well", async () => {
    const guest = await bootRecipe("striped", { realroot: "local:ext4:/dev/vg00/striped" });
    await expect(guest.waitFor(/REALROOT .*\n/)).resolves.toMatch(/root=\/dev\/mapper\/vg00-striped:ext4:ro/);
  });

  test("a disk of the group that is plugged in 5 s late is waited for, with the seconds on the screen", async () => {
    const guest = await bootRecipe("striped", { hotplug: [1] });
    await guest.waitFor(/Waiting for \/dev\/vg00\/striped: (?:2[0-5]|1?\d) s left/); // of 30; a busy machine skips seconds
    await guest.hotplug(guest.machine.disks[1]!);
    await expect(guest.waitFor(/REALROOT .*\n/)).resolves.toMatch(/root=\/dev\/mapper\/vg00-striped:ext4:ro/);
  });

  test("a group with a physical volume missing is refused, and the missing one is named", async () => {
    const guest = await bootRecipe("missing-pv", { absent: [1], append: "mkinitrd.timeout=8" });
    await guest.waitFor(/physical volume \S{6}-\S{4}-\S{4}-\S{4}-\S{4}-\S{4}-\S{6} of volume group vg00 is missing/);
    await guest.waitFor("Choose:");
  });

  test.runIf(process.env["MKINITRD_TEST_ALL"])("a disk and a copy of it are refused", async () => {
    const guest = await bootRecipe("lvm", { disks: ([file]) => [file!, file!], realroot: "local:none:/dev/vdb1 lvm:ext4:vg00/lv0" });
    await expect(guest.waitFor("Choose:")).resolves.toMatch(/physical volumes of vg00 that are on \/dev\/vda1 are on \/dev\/vdb1 as\s+well: one is a copy/);
  });

  test("two groups of one name are refused with their UUIDs, and vg-uuid= chooses one", async () => {
    const other = await vmDisk("missing-pv");
    const disks = (files: string[]) => [...files, ...other.files];
    const first = "local:none:/dev/vdc1"; // the last of the disks is there: so are the others
    const refused = await bootRecipe("lvm", { disks, realroot: `${first} lvm:ext4:vg00/lv0` });
    const shown = await refused.waitFor("Choose:");
    expect(shown).toMatch(/choosing the volume group on vg00\/lv0: 2 groups of this name:/);
    const [, uuid] = /vg00 {2}UUID (\S{38}) {2}on \/dev\/vdb1/.exec(shown) ?? [];
    expect(shown).toMatch(/vg00 {2}UUID \S{38} {2}on \/dev\/vda1/);
    await refused.end();

    const chosen = await bootRecipe("lvm", { disks, realroot: `${first} lvm:ext4:vg00/lv0:vg-uuid=${uuid}`, append: "realroot.cat=/proc/partitions" });
    const [, kib] = /(\d+) dm-0\s/.exec(await chosen.waitFor("REALROOT-END")) ?? [];
    expect(Number(kib)).toBeGreaterThan(128 * 1024); // over two disks of 96 MiB; the other group has one of 128 MiB
  });
});
