import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { bootRecipe, describeVm } from "./boot-helper.ts";
import { copies } from "./disk-copies.ts";

const HIBERNATE = "echo shutdown >/sys/power/disk; echo disk >/sys/power/state";

describeVm("a machine that hibernated", () => {
  test("wakes up where it was, its swap on LVM in LUKS, when resume= names that", async () => {
    const boot = { append: "resume=/dev/vg00/swap0 realroot.shell", memoryMiB: 512, keepWrites: true };
    const before = await bootRecipe("hibernated", { ...boot, disks: copies });
    await before.waitFor("REALROOT-SETTLED");
    before.type(`kept=in-memory; swapon /dev/mapper/vg00-swap0; ${HIBERNATE}; echo WOKEN $kept\r`);
    await expect(before.exited).resolves.toMatchObject({ reason: "guest-shutdown" });

    const after = await bootRecipe("hibernated", { ...boot, disks: () => before.machine.disks.map(({ file }) => file) });
    await after.waitFor("WOKEN in-memory");
    expect(after.log()).not.toContain("REALROOT uptime"); // that of the first boot's own init
  });

  test.runIf(process.env["MKINITRD_TEST_ALL"])("wakes up from a swap file, when resume_offset= says where that begins", { timeout: 300_000 }, async () => {
    const boot = { memoryMiB: 400, keepWrites: true };
    const before = await bootRecipe("swap-file", { ...boot, append: "rw realroot.shell", disks: copies });
    await before.waitFor("REALROOT-SETTLED");
    before.type("dd if=/dev/zero of=/swap bs=1M count=200 && mkswap /swap && mount -o remount,ro / && mount -o remount,rw / && echo READY\r");
    await before.waitFor(/^READY/m);
    const offset = execFileSync("debugfs", ["-R", "bmap /swap 0", before.machine.disks[0]!.file], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    before.type(`echo ${offset} >/sys/power/resume_offset; cat /sys/block/vda/dev >/sys/power/resume; kept=in-memory; swapon /swap; ${HIBERNATE}; echo WOKEN $kept\r`);
    await expect(before.exited).resolves.toMatchObject({ reason: "guest-shutdown" });

    const words = `rw resume=UUID=2f1c7c5e-7e9e-4d6d-8f3e-0d9b1d0a6c41 resume_offset=${offset}`; // the filesystem's, as Debian and Arch write it
    const after = await bootRecipe("swap-file", { ...boot, append: words, disks: () => before.machine.disks.map(({ file }) => file) });
    await after.waitFor("WOKEN in-memory");
    expect(after.log()).not.toContain("REALROOT uptime");
  });
}, ["debugfs"]);
