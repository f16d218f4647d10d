import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { findVmKernel, vmKernels } from "../../src/host/qemu/vm-kernel.ts";
import { bootRecipe, describeVm } from "./boot-helper.ts";

const stable = existsSync(vmKernels.stable()) ? findVmKernel(vmKernels.stable()) : undefined;
if (stable === undefined) describe.skip("the kernel of Debian stable (skipped: set-up could not download it)", () => test("", () => {}));
else describeVm("the kernel of Debian stable, whose modules lie compressed", () => {
  test("boots LVM in LUKS", async () => {
    const guest = await bootRecipe("lvm-in-luks", { kernel: stable });
    expect(await guest.waitFor(/REALROOT .*\n/)).toContain("root=/dev/mapper/vg00-lv0:ext4:ro");
    expect(guest.log()).toContain(`Linux ${stable.release}\n`);
  });
});
