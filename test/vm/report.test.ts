import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { DEFAULT_RESCUE } from "../../src/core/rc/boot-config.ts";
import { bootRecipe, describeVm, vmImage } from "./boot-helper.ts";

const DIRECTORY = "/EFI/mkinitrd";

describeVm("the report of a failed boot", () => {
  test("is on the ESP after a failure and after a crash, the one before it beside it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "mkinitrd-report-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const disk = join(folder, "disk.img");
    // No encrypted kind: the menu has a shell.
    const image = await vmImage({ realroots: ["local"], rescue: { ...DEFAULT_RESCUE, report: { device: "PARTLABEL=esp", directory: DIRECTORY } } });
    const guest = await bootRecipe("lvm-in-luks", {
      image, answers: {}, realroot: "local:ext4:LABEL=nowhere", append: "mkinitrd.timeout=1", keepWrites: true,
      disks: ([made]) => (copyFileSync(made!, disk), [disk]),
    });
    await guest.waitFor(/the report of this boot is in \/EFI\/mkinitrd\/mkinitrd-report\.txt on \/dev\/vda1[^]*Choose:/);
    guest.type("s");
    await guest.waitFor(/A shell[^]*# *$/);
    guest.type("clear; kill -9 $(pidof node)\r");
    await guest.waitFor(/signal 9 ended it[^]*Choose:/);
    guest.type("p");
    await expect(guest.exited).resolves.toMatchObject({ reason: "guest-shutdown" });

    const partition = `${disk}@@${firstPartitionBytes(disk)}`;
    const read = (name: string) => execFileSync("mtype", ["-i", partition, `::${DIRECTORY}/${name}`], { encoding: "utf8" });
    const crashed = read("mkinitrd-report.txt");
    expect(crashed).toMatch(/^mkinitrd: a boot failed, [\d.]+ s after the kernel started\nimage [0-9a-f]{12}, Linux 6\./);
    expect(crashed).toMatch(/What failed\n {2}running the boot program on this machine: signal 9 ended it/);
    const failed = read("mkinitrd-report.txt.old");
    expect(failed).toMatch(/What failed\n {2}[^\n]*LABEL=nowhere: it did not appear/);
    for (const report of [failed, crashed]) {
      expect(report).toMatch(/Realroot\n {2}local:ext4:LABEL=nowhere\n/);
      expect(report).toMatch(/ \/dev\/vda2 {2}crypto_LUKS {2}LABEL="cryptlvm" {2}UUID=7a4d6f1e-1a55-4f0e-9a6c-2b1f6d3c8e04 /);
      expect(report).toMatch(/Timeline[^\n]*\n +[\d.]+ s {2}pid 1 started\n/);
    }
    const clean = execFileSync("sh", ["-c", 'dd if="$1" bs=1M skip=1 count=16 of="$1.esp" status=none && fsck.vfat -n "$1.esp"', "sh", disk], { encoding: "utf8" });
    expect(clean).not.toMatch(/[Dd]irty|differences/);
  }, 90_000);
}, ["mtype", "sfdisk", "fsck.vfat"]);

function firstPartitionBytes(disk: string): number {
  const table = JSON.parse(execFileSync("sfdisk", ["--json", disk], { encoding: "utf8" })) as { partitiontable: { sectorsize: number; partitions: { start: number }[] } };
  return table.partitiontable.partitions[0]!.start * table.partitiontable.sectorsize;
}
