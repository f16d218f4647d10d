import { expect, test } from "vitest";
import { bootRecipe, describeVm } from "./boot-helper.ts";

const RECIPE = "lvm-kinds";
const node = (name: string) => `vg--kinds-${name.replaceAll("-", "--")}`;
const bootedFrom = (name: string) => new RegExp(`REALROOT .*root=/dev/mapper/${node(name)}:ext4:ro`);
const ROOT = bootedFrom("root-raid1");
const NAMES = ["striped", "mirrored", "r5", "r10", "thin", "cached", "snap-shot", "spread"];

describeVm("every kind of logical volume", () => {
  test("each that a stage names is opened with its parts, one for its label, and nothing else of the group", async () => {
    const guest = await bootRecipe(RECIPE, {
      // What a raid1 holds nobody sees before it is active; of what is not, all others can be read without.
      realroot: [...NAMES.map((name) => `lvm:none:vg-kinds/${name}`), "local:ext4:LABEL=root-raid1"].join(" "),
      append: "realroot.shell",
    });
    await guest.waitFor(ROOT, { timeoutMs: 200_000 });
    await guest.waitFor("/ #");
    guest.type("cat /sys/block/dm-*/dm/name; echo NAMES''-END\r");
    const open = (await guest.waitFor("NAMES-END")).split(/\s+/).flatMap((word) => /^vg--kinds-(.+)$/.exec(word)?.[1] ?? []);
    const raid = (name: string, legs: number) => [name, ...Array.from({ length: legs }, (_, leg) => [`${name}_rimage_${leg}`, `${name}_rmeta_${leg}`]).flat()];
    expect(open.sort()).toEqual([
      ...raid("root--raid1", 2), ...raid("r5", 3), ...raid("r10", 4), "striped", "spread",
      "mirrored", "mirrored_mlog", "mirrored_mimage_0", "mirrored_mimage_1",
      "thin", "thin_pool-tpool", "thin_pool_tdata", "thin_pool_tmeta",
      "cached", "cached_corig", "lvol1_cpool_cdata", "lvol1_cpool_cmeta", // a name that LVM chose
      "origin", "origin-real", "snap--shot", "snap--shot-cow",
    ].sort());

    // The kernel mounts each, and each was made with its name as its label (of ext4, at byte 1144); the snapshot shows its origin's.
    const label = "$(dd if=/dev/mapper/$n bs=1 skip=1144 count=16 2>/dev/null | tr -d '\\0')";
    guest.type(`for n in ${NAMES.map(node).join(" ")}; do mount -r -t ext4 /dev/mapper/$n /mnt && umount /mnt && echo MOUNTED $n ${label}; done; echo MOUNT''-END\r`);
    const mounted = (await guest.waitFor("MOUNT-END")).match(/^MOUNTED vg--kinds-.*/gm);
    expect(mounted).toEqual(NAMES.map((name) => `MOUNTED ${node(name)} ${name === "snap-shot" ? "origin" : name}`));

    // udev is to leave the parts alone.
    guest.type("grep -h E:DM_NAME $(grep -l SYSTEMD_READY=1 /run/udev/data/b*); echo UDEV''-END\r");
    const ready = (await guest.waitFor("UDEV-END")).split(/\s+/).flatMap((word) => /^E:DM_NAME=(.+)/.exec(word)?.[1] ?? []);
    expect(ready.sort()).toEqual([...NAMES, "origin", "root-raid1"].map(node).sort());
  }, 400_000); // nine volumes, one after the other

  test.runIf(process.env["MKINITRD_TEST_ALL"]).each(NAMES)("%s is the root", async (name) => {
    const guest = await bootRecipe(RECIPE, { realroot: `lvm:ext4:vg-kinds/${name}` });
    await guest.waitFor(bootedFrom(name));
  });

  test.runIf(process.env["MKINITRD_TEST_ALL"])("the label of a snapshot and its origin means the origin", async () => {
    const guest = await bootRecipe(RECIPE, { realroot: "lvm:none:vg-kinds/snap-shot local:ext4:LABEL=origin" });
    await guest.waitFor(bootedFrom("origin"));
  });
});

describeVm("a raid1 with a leg missing", () => {
  test("degraded=never, the default, refuses it and names what is missing; with the disk back, Retry boots", async () => {
    const guest = await bootRecipe(RECIPE, { hotplug: [1], append: "mkinitrd.timeout=8" });
    const error = await guest.waitFor("Choose:");
    expect(error).toMatch(/physical volume \S{6}(-\S{4}){5}-\S{6} of volume group vg-kinds is missing/);
    expect(error).toContain("degraded=ask");
    await guest.hotplug(guest.machine.disks[1]!);
    guest.type("r");
    await guest.waitFor(ROOT);
  });

  test("degraded=SECONDS starts it after that time, degraded=ask after a y at the console, and not after an n", async () => {
    const guest = await bootRecipe(RECIPE, {
      absent: [1],
      // thin lies on the first disk alone: nothing is missing for it
      realroot: "lvm:none:vg-kinds/thin lvm:none:vg-kinds/r5:degraded=3 lvm:ext4:vg-kinds/root-raid1:degraded=ask",
      append: "mkinitrd.timeout=8",
    });
    await guest.waitFor(/vg-kinds\/r5 starts degraded: physical volume\s+\S+ did not come/);
    await guest.waitFor(/Start vg-kinds\/root-raid1 degraded\?[^]*y starts it/);
    guest.type("\r"); // answers nothing
    guest.type("n");
    const refused = await guest.waitFor("Choose:");
    expect(refused).toMatch(/physical volume \S{6}(-\S{4}){5}-\S{6} is missing, and it was not to be started without/);
    guest.type("r");
    await guest.waitFor(/Start vg-kinds\/root-raid1 degraded\?[^]*y starts it/);
    guest.type("y");
    await guest.waitFor(ROOT);
  });

  test("a volume that does not withstand the loss is refused under each policy", async () => {
    const guest = await bootRecipe(RECIPE, { absent: [1], realroot: "lvm:ext4:vg-kinds/striped:degraded=5", append: "mkinitrd.timeout=8" });
    await expect(guest.waitFor("Choose:")).resolves.toMatch(/physical volume \S{6}(-\S{4}){5}-\S{6} of volume group vg-kinds is missing/);
  });
});
