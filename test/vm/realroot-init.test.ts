import { expect, test } from "vitest";
import { bootRecipe, describeVm } from "./boot-helper.ts";

describeVm("the init of a small root", () => {
  test("says what it was reached with, shows a file of the boot, and powers the machine off", async () => {
    const guest = await bootRecipe("local-ext4", { append: "realroot.cat=/run/mkinitrd/log single" });
    const line = await guest.waitFor(/^REALROOT uptime=.*\n?.*arguments=.*$/m);
    expect(line).toMatch(/REALROOT uptime=[\d.]+ MemTotal=\d+ MemFree=\d+ MemAvailable=\d+ root=\/dev\/vda2:ext4:ro arguments=single/);
    expect((await guest.exited).reason).toBe("guest-shutdown");
    expect(guest.log()).toMatch(/REALROOT-SETTLED MemTotal=\d+ MemFree=\d+ MemAvailable=\d+ Shmem=\d+ survivors=0: missing=\n/);
    expect(guest.log()).toMatch(/REALROOT-FILE \/run\/mkinitrd\/log\n[^]*mounted the root: \/dev\/vda2[^]*REALROOT-END\n/);
  });

  test("gives a shell when it is asked to", async () => {
    const guest = await bootRecipe("local-ext4", { append: "realroot.shell" });
    await guest.waitFor("REALROOT-SETTLED");
    await guest.waitFor(/[#$] *$/);
    guest.type("echo $((6 * 7)); tty\r");
    await guest.waitFor(/^42\r?\n[^]*[#$] *$/m);
    guest.type("exit\r");
    expect((await guest.exited).reason).toBe("guest-shutdown");
    expect(guest.log()).toContain("/dev/ttyS0");
  });
});
