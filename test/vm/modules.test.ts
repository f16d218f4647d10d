import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { findProgram } from "../../tools/packages.js";
import { findVmKernel } from "../../src/host/qemu/vm-kernel.ts";
import { bootRecipe, describeVm, vmImage } from "./boot-helper.ts";

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
    guest.type(`modprobe brd; ls -1d ${at}/brd; ls /dev/ram* | wc -l; echo third $((1 + 1)); exit\r`);
    expect(await guest.waitFor(/^third 2[^]*REALROOT .*\n/m)).toMatch(/module\/brd\r?\n2\r?\n/);
  });
}, ["depmod", "xz", "zstd", "gzip"]);

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

/** Busybox, and the libraries that it and Node want: what an image of local roots is made of. */
function smallSysroot(top: string): string {
  const busybox = findProgram("busybox") ?? "";
  const printed = [process.execPath, busybox].map((program) => execFileSync("sh", ["-c", 'ldd "$0" || true', program], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })).join("");
  const libraries = [...printed.matchAll(/(\/\S+) \(0x/g)].map(([, path = ""]) => path);
  for (const name of ["bin", "sbin", "lib", "lib64"]) {
    mkdirSync(join(top, "usr", name), { recursive: true });
    symlinkSync(`usr/${name}`, join(top, name));
  }
  for (const path of [...new Set([busybox, ...libraries])]) {
    mkdirSync(dirname(join(top, path)), { recursive: true });
    copyFileSync(realpathSync(path), join(top, dirname(path), basename(path)));
  }
  return top;
}
