import { execFileSync } from "node:child_process";
import { copyFileSync, constants, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { bootRecipe, describeVm, vmImage } from "./boot-helper.ts";

describeVm("mounting", () => {
  test("a btrfs subvolume behind an @ is the root", async () => {
    const guest = await bootRecipe("btrfs-subvolume", { append: "realroot.cat=/proc/mounts" });
    await guest.waitFor(/REALROOT-END/);
    expect(guest.log()).toMatch(/^\/dev\/vda \/ btrfs ro,.*subvol=\/@root /m);
  });

  test("the second device of a btrfs is waited for, and both are mounted", async () => {
    const guest = await bootRecipe("btrfs-two", { hotplug: [1] });
    await guest.waitFor(/Waiting for all of UUID=2f1c7c5e-\S+: \d+ s left/);
    await guest.hotplug(guest.machine.disks[1]!);
    await expect(guest.waitFor(/REALROOT .*\n/)).resolves.toMatch(/root=\/dev\/vda:btrfs:ro/);
  });

  test("/usr and what the root's fstab marks with x-initrd.mount are there when its init starts", async () => {
    const guest = await bootRecipe("usr-split", { append: "rw realroot.cat=/proc/mounts realroot.cat=/run/mkinitrd/log" });
    await guest.waitFor(/REALROOT-END[^]*REALROOT-END/); // its init itself lies in /usr
    const log = guest.log();
    expect(log).toMatch(/^\/dev\/mapper\/vg00-usr \/usr ext4 rw,noatime/m);
    expect(log).toMatch(/^\/dev\/vda2 \/var btrfs rw,/m);
    expect(log).not.toMatch(/^\S+ \/mnt /m); // one is not there, the other not asked for
    expect(log).toMatch(/mounting \/mnt as the root's \/etc\/fstab says on \/dev\/vda9: .*did not appear/);
  });

  test("an ext4 root that is marked as damaged is checked and corrected by e2fsck, then mounted", async () => {
    const image = await vmImage({ programs: ["e2fsck"] });
    const guest = await bootRecipe("local-ext4", { image, disks: (files) => files.map((file) => damaged(file, "set_super_value state 2")), append: "realroot.cat=/run/mkinitrd/log" });
    await guest.waitFor(/REALROOT-END/);
    const log = guest.log();
    expect(log).toMatch(/e2fsck: .*contains a file system with errors, check forced/);
    expect(log).toMatch(/checked the root: errors were corrected, \d+\.\d s/); // its exit code 1
    expect(log).toMatch(/REALROOT .*root=\/dev\/vda2:ext4:ro/);
  });

  test("an ext4 root that e2fsck does not dare to correct is not mounted, and what to do is said", async () => {
    const image = await vmImage({ programs: ["e2fsck"] });
    const guest = await bootRecipe("local-ext4", { image, disks: (files) => files.map((file) => damaged(file, "set_super_value state 2", "clri <2>")) });
    await guest.waitFor("Choose:");
    expect(guest.log()).toMatch(/errors are left that it does not correct by itself, exit code 4 of e2fsck: .*RUN fsck MANUALLY/);
    expect(guest.log()).toMatch(/next: boot with fsck\.repair=yes/);
    expect(guest.log()).not.toContain("REALROOT");
  });

  test("a squashfs is the root", async () => {
    const guest = await bootRecipe("read-only", { append: "rw" }); // the driver knows better
    await expect(guest.waitFor(/REALROOT .*\n/)).resolves.toMatch(/root=\/dev\/vda1:squashfs:ro/);
  });

  test.runIf(process.env["MKINITRD_TEST_ALL"])("an EROFS is the root", async () => {
    const guest = await bootRecipe("read-only", { realroot: "local:auto:UUID=2f1c7c5e-7e9e-4d6d-8f3e-0d9b1d0a6c25" });
    await expect(guest.waitFor(/REALROOT .*\n/)).resolves.toMatch(/root=\/dev\/vda2:erofs:ro/);
  });
}, ["debugfs"]);

/** A copy of a disk to whose second partition, an ext4, debugfs did this. */
function damaged(file: string, ...requests: string[]): string {
  const directory = mkdtempSync(join(tmpdir(), "mkinitrd-damaged-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const copy = join(directory, "disk.img");
  copyFileSync(file, copy, constants.COPYFILE_FICLONE);
  const { partitiontable } = JSON.parse(execFileSync("sfdisk", ["--json", copy], { encoding: "utf8" })) as { partitiontable: { partitions: { start: number }[] } };
  const partition = `${copy}?offset=${partitiontable.partitions[1]!.start * 512}`;
  for (const request of requests) execFileSync("debugfs", ["-w", "-R", request, partition], { stdio: "ignore" });
  return copy;
}
