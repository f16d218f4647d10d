import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { bootRecipe, describeVm } from "./boot-helper.ts";

describeVm("a machine that hibernated", () => {
  test("wakes up where it was, its swap on LVM in LUKS, when resume= names that", async () => {
    const directory = mkdtempSync(join(tmpdir(), "mkinitrd-resume-"));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const boot = { append: "resume=/dev/vg00/swap0 realroot.shell", memoryMiB: 512, keepWrites: true };
    const before = await bootRecipe("hibernated", {
      ...boot,
      disks: (files) => files.map((file) => {
        const copy = join(directory, basename(file));
        execFileSync("cp", ["--sparse=always", file, copy]);
        return copy;
      }),
    });
    await before.waitFor("REALROOT-SETTLED");
    before.type("kept=in-memory; swapon /dev/mapper/vg00-swap0; echo shutdown >/sys/power/disk; echo disk >/sys/power/state; echo WOKEN $kept\r");
    await expect(before.exited).resolves.toMatchObject({ reason: "guest-shutdown" });

    const after = await bootRecipe("hibernated", { ...boot, disks: () => before.machine.disks.map(({ file }) => file) });
    await after.waitFor("WOKEN in-memory");
    expect(after.log()).not.toContain("REALROOT uptime"); // that of the first boot's own init
  });
});
