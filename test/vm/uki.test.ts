import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { cacheDirectory } from "../../src/host/cache.ts";
import { exec } from "../../src/host/exec.ts";
import { packageRoot } from "../../src/host/package-root.ts";
import { chooseAccelerator } from "../../src/host/qemu/accelerator.ts";
import { typeAnswers } from "../../src/host/qemu/answers.ts";
import { startGuest } from "../../src/host/qemu/guest.ts";
import { kernelCommandLine } from "../../src/host/qemu/machine.ts";
import { findVmKernel } from "../../src/host/qemu/vm-kernel.ts";
import { ukiTools } from "../../tools/uki.js";
import { describeVm } from "./boot-helper.ts";
import { vmDisk } from "./disks.ts";

const FIRMWARE = { code: join(ukiTools, "usr/share/OVMF/OVMF_CODE_4M.fd"), variables: join(ukiTools, "usr/share/OVMF/OVMF_VARS_4M.fd") };
const STUB = join(ukiTools, "usr/lib/systemd/boot/efi/linuxx64.efi.stub");
const isMissing = process.env["MKINITRD_TEST_ALL"] !== "1" || !existsSync(STUB);

describeVm(`a unified kernel image${isMissing ? " (skipped without MKINITRD_TEST_ALL=1 and ukify of Debian stable)" : ""}`, () => {
  test.skipIf(isMissing)("is started by a UEFI firmware from the ESP, with the kernel, the initrd and the command line in it", async () => {
    const directory = mkdtempSync(join(tmpdir(), "mkinitrd-uki-"));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const { recipe, files } = await vmDisk("lvm-in-luks");
    const { release, modulesDirectory } = findVmKernel();
    const output = join(directory, "linux.efi");
    writeFileSync(join(directory, "c.yaml"), `kernel: ${release}\nmodules-directory: ${modulesDirectory}\noutput: linux.efi\nrealroots: [crypt, lvm]\nrealroot: ${recipe.realroot}\nuki: {cmdline: "${kernelCommandLine("loglevel=3")}", stub: ${STUB}}\n`);
    const env = { ...process.env, PATH: `${ukiTools}/usr/bin:${process.env["PATH"]}`, PYTHONPATH: `${ukiTools}/usr/lib/python3/dist-packages` };
    await exec(process.execPath, [join(packageRoot(), "dist/host/mkinitrd.js"), "build", "-c", join(directory, "c.yaml")], { env });
    expect(readFileSync(output).toString("latin1", 0, 2)).toBe("MZ");

    const esp = join(directory, "esp.img");
    await exec("truncate", ["-s", "80M", esp]);
    await exec("mkfs.vfat", ["-F", "32", esp]);
    await exec("mmd", ["-i", esp, "::/EFI", "::/EFI/BOOT"]);
    await exec("mcopy", ["-i", esp, output, "::/EFI/BOOT/BOOTX64.EFI"]);
    const guest = startGuest({
      firmware: FIRMWARE, append: "", memoryMiB: 1024, smp: 2, console: "ttyS0", accelerator: await chooseAccelerator(findVmKernel().image, cacheDirectory()),
      disks: [esp, ...files].map((file) => ({ file, format: "raw", snapshot: true })),
    });
    onTestFinished(() => guest.end());
    void typeAnswers(guest, recipe.answers);
    await expect(guest.waitFor(/REALROOT .*\n/, { timeoutMs: 300_000 })).resolves.toMatch(/root=\/dev\/mapper\/vg00-lv0:ext4:ro/);
  });
});
