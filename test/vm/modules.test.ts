import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { findVmKernel, vmKernels } from "../../src/host/qemu/vm-kernel.ts";
import { bootRecipe, describeVm, vmImage } from "./boot-helper.ts";
import { smallSysroot } from "./small-sysroot.ts";

const MODPROBE_CONF = `options nbd nbds_max=3
alias my-disk nbd
softdep loop pre: nbd post: null_blk
blacklist brd
`;

describeVm("kernel modules in an image", () => {
  test("those that lie as .ko.xz, .ko.zst and .ko.gz are there, and modprobe.d and the kernel command line rule them as they rule a running system", async () => {
    const directory = mkdtempSync(join(tmpdir(), "mkinitrd-modules-"));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const kernel = findVmKernel();
    const modulesDirectory = compressedModules(join(directory, "tree"), kernel.modulesDirectory, kernel.release);
    const sysroot = smallSysroot(join(directory, "sysroot"));
    mkdirSync(join(sysroot, "etc/modprobe.d"), { recursive: true });
    writeFileSync(join(sysroot, "etc/modprobe.d/test.conf"), MODPROBE_CONF);
    const image = await vmImage({ sysroot, modulesDirectory, realroots: ["local"], modules: { set: "none", add: ["virtio_blk", "virtio_pci", "drivers/block", "virtio_balloon*"], omit: ["drbd"] } });
    const guest = await bootRecipe("local-ext4", { image, append: "mkinitrd.break=mount brd.rd_nr=2 modprobe.blacklist=virtio_balloon" });
    await guest.waitFor(/# *$/);
    const at = "/sys/module";
    guest.type(`ls -1d ${at}/nbd ${at}/brd; modprobe -bq virtio:d00000005v00001AF4; modprobe -bq block-major-1-0; ls -1d ${at}/virtio_balloon ${at}/brd; echo first $((1 + 1))\r`);
    expect(modulesIn(await guest.waitFor(/^first 2[^]*# *$/m))).toEqual([]); // nothing asked for them, or they are blacklisted
    guest.type(`modprobe -q block-major-7-0; cat ${at}/nbd/parameters/nbds_max; ls -1d ${at}/nbd ${at}/loop ${at}/null_blk; rmmod nbd; modprobe my-disk; ls -1d ${at}/nbd; echo second $((1 + 1))\r`);
    const second = await guest.waitFor(/^second 2[^]*# *$/m);
    expect(second).toMatch(/^3\r?$/m);
    expect(modulesIn(second)).toEqual(["loop", "nbd", "nbd", "null_blk"]);
    guest.type(`modprobe brd; ls -1d ${at}/brd; ls /dev/ram* | wc -l; echo third $((1 + 1))\r`);
    expect(await guest.waitFor(/^third 2[^]*# *$/m)).toMatch(/module\/brd\r?\n2\r?\n/);
    guest.type("exit\r"); // what it had just written could go with the terminal
    await guest.waitFor(/REALROOT .*\n/);
  });

  const stable = existsSync(vmKernels.stable()) ? findVmKernel(vmKernels.stable()) : undefined;
  test.runIf(process.env["MKINITRD_TEST_ALL"] && stable !== undefined)("microcode in front of an image is where a kernel that loads it looks, and the rest is unpacked behind it", async () => {
    const directory = mkdtempSync(join(tmpdir(), "mkinitrd-microcode-"));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const sysroot = smallSysroot(join(directory, "sysroot"));
    mkdirSync(join(sysroot, "lib/firmware/intel-ucode"), { recursive: true });
    writeFileSync(join(sysroot, "lib/firmware/intel-ucode/06-8e-09"), Buffer.concat([Buffer.from([1, 0, 0, 0]), Buffer.alloc(2045)]));
    const { release, modulesDirectory } = stable ?? expect.fail("no kernel");
    const image = await vmImage({ sysroot, kernel: release, modulesDirectory, realroots: ["local"], microcode: "intel" });
    expect(execFileSync("cpio", ["-it", "--quiet"], { input: readFileSync(image).subarray(0, 1 << 16), encoding: "utf8" }).split("\n")).toEqual(["kernel", "kernel/x86", "kernel/x86/microcode", "kernel/x86/microcode/GenuineIntel.bin", ""]);
    const guest = await bootRecipe("local-ext4", { image, kernel: stable!, append: "mkinitrd.break=mount" });
    await guest.waitFor(/# *$/);
    guest.type("wc -c /kernel/x86/microcode/*\r");
    expect(await guest.waitFor(/^2049 [^]*# *$/m)).toMatch(/^2049 \/kernel\/x86\/microcode\/GenuineIntel\.bin/m);
    guest.type("exit\r");
    await guest.waitFor(/REALROOT .*\n/);
  });
}, ["depmod", "xz", "zstd", "gzip", "cpio"]);

/** What `ls -d` printed, without its errors and without what was typed. */
function modulesIn(screen: string): string[] {
  return [...screen.matchAll(/^\/sys\/module\/(\w+)\r?$/gm)].map(([, name = ""]) => name).sort();
}

/** A few modules of a kernel, compressed in turns, behind the index of depmod(8), which does not know all of these itself. */
function compressedModules(top: string, from: string, release: string): string {
  const directory = join(top, "lib/modules", release);
  for (const folder of ["drivers/block", "drivers/virtio", "fs/configfs"]) cpSync(join(from, release, "kernel", folder), join(directory, "kernel", folder), { recursive: true, dereference: true });
  for (const name of ["modules.builtin", "modules.builtin.modinfo", "modules.order"]) copyFileSync(join(from, release, name), join(directory, name));
  execFileSync("depmod", ["-b", top, release], { stdio: "ignore" });
  const files = readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ko"));
  let index = readFileSync(join(directory, "modules.dep"), "utf8");
  for (const [position, file] of files.entries()) {
    const [program, suffix] = [["xz", "xz"], ["zstd", "zst"], ["gzip", "gz"]][position % 3] as [string, string];
    execFileSync(program, ["-q", ...(program === "zstd" ? ["--rm"] : []), join(directory, file)]);
    index = index.replaceAll(new RegExp(`(^|\\s)${file}(?=[:\\s])`, "gm"), `$1${file}.${suffix}`);
  }
  writeFileSync(join(directory, "modules.dep"), index);
  return join(top, "lib/modules");
}
