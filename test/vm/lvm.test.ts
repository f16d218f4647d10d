import { expect, test } from "vitest";
import { bootRecipe, describeVm } from "./boot-helper.ts";

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
    const guest = await bootRecipe("missing-pv", { absent: [1], append: "mkinitrd.timeout=2" });
    await guest.waitFor(/physical volume \S{6}-\S{4}-\S{4}-\S{4}-\S{4}-\S{4}-\S{6} of volume group vg00 is missing/);
    await guest.waitFor("Choose:");
  });
});
