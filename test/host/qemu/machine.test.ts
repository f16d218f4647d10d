import { expect, test } from "vitest";
import { kernelCommandLine, type Machine, qemuArguments } from "../../../src/host/qemu/machine.ts";

const MACHINE: Machine = {
  kernel: "/boot/vmlinuz", initrd: "initrd.img", append: "console=ttyS0 quiet", memoryMiB: 512, smp: 2, accelerator: "tcg", console: "ttyS0",
  disks: [
    { file: "a,b.img", format: "raw", snapshot: true },
    { file: "late.img", format: "raw", snapshot: false, serial: "LATE", hotplug: true },
  ],
};

/** The value behind each occurrence of a flag. */
const values = (args: string[], flag: string): string[] => args.flatMap((arg, i) => (arg === flag ? [args[i + 1] ?? ""] : []));

test("a machine has its kernel, initrd and command line as they are given", () => {
  const args = qemuArguments(MACHINE);
  expect(values(args, "-kernel")).toEqual(["/boot/vmlinuz"]);
  expect(values(args, "-initrd")).toEqual(["initrd.img"]);
  expect(values(args, "-append")).toEqual(["console=ttyS0 quiet"]);
  expect(values(args, "-m")).toEqual(["512M"]);
});

test.each([{ accelerator: "tcg", cpu: "max,-cx16,-erms" }, { accelerator: "kvm", cpu: "max" }] as const)("under $accelerator a machine has the processor $cpu", ({ accelerator, cpu }) => {
  expect(values(qemuArguments({ ...MACHINE, accelerator }), "-cpu")).toEqual([cpu]);
});

test("a machine has no default device, no network and no way to start over", () => {
  const args = qemuArguments(MACHINE);
  expect(args).toEqual(expect.arrayContaining(["-nodefaults", "-no-reboot", "-no-user-config"]));
  expect(args.filter((arg) => /net|nic/.test(arg))).toEqual([]);
});

test("a comma in a file name is doubled", () => {
  expect(values(qemuArguments(MACHINE), "-drive")[0]).toContain("file=a,,b.img,");
});

test("a snapshot is never written to and never waits for the host's disk", () => {
  expect(values(qemuArguments(MACHINE), "-drive")[0]).toContain("snapshot=on,cache=unsafe");
});

test("a disk that is written to waits for the host's disk unless it is disposable", () => {
  const [written, disposable] = values(qemuArguments({ ...MACHINE, disks: [
    { file: "disk.img", format: "raw", snapshot: false },
    { file: "disk.img", format: "raw", snapshot: false, disposable: true },
  ] }), "-drive");
  expect(written).toContain("snapshot=off,cache=writeback");
  expect(disposable).toContain("snapshot=off,cache=unsafe");
});

test("a disk to be plugged in later has its drive and no device", () => {
  const args = qemuArguments(MACHINE);
  expect(values(args, "-drive")).toHaveLength(2);
  expect(values(args, "-device")).toEqual(["driver=virtio-blk-pci,id=disk0-device,drive=disk0"]);
});

test("a console on hvc0 is a virtio console and leaves the serial port out", () => {
  const args = qemuArguments({ ...MACHINE, console: "hvc0", disks: [] });
  expect(values(args, "-device")).toEqual(["virtio-serial-pci", "virtconsole,chardev=console"]);
  expect(values(args, "-serial")).toEqual([]);
});

test("a display is a VGA card, shown as the host wants it; without it there is none", () => {
  const args = qemuArguments({ ...MACHINE, display: "vnc=127.0.0.1:1", disks: [] });
  expect(values(args, "-device")).toEqual(["VGA"]);
  expect(values(args, "-display")).toEqual(["vnc=127.0.0.1:1"]);
  expect(values(qemuArguments(MACHINE), "-display")).toEqual(["none"]);
});

test("the kernel command line begins with what every guest needs", () => {
  expect(kernelCommandLine("realroot=local:ext4:vda1")).toBe("console=ttyS0 panic=-1 no_timer_check realroot=local:ext4:vda1");
  expect(kernelCommandLine("", { console: "hvc0" })).toBe("console=hvc0 panic=-1 no_timer_check");
  expect(kernelCommandLine("quiet", { vga: true })).toBe("console=tty0 console=ttyS0 panic=-1 no_timer_check quiet");
});

test("a kernel command line that the kernel does not take is refused, in bytes", () => {
  expect(kernelCommandLine("x".repeat(2009))).toHaveLength(2047);
  expect(() => kernelCommandLine("x".repeat(2010))).toThrow("starting the guest on its kernel command line: 2048 bytes; the kernel takes 2047\n  next: leave words out");
  expect(() => kernelCommandLine("é".repeat(1010))).toThrow("2058 bytes");
});

test("a machine for arm64 is QEMU's virt, with a processor that is quick to emulate and no VGA card", () => {
  const args = qemuArguments({ ...MACHINE, architecture: "aarch64", console: "ttyAMA0", display: "gtk", disks: [] });
  expect(values(args, "-machine")).toEqual(["virt,gic-version=max"]);
  expect(values(args, "-cpu")).toEqual(["max,pauth-impdef=on"]);
  expect(values(args, "-serial")).toEqual(["chardev:console"]);
  expect(values(args, "-device")).toEqual(["virtio-gpu-pci", "virtio-keyboard-pci"]);
  expect(values(qemuArguments(MACHINE), "-machine")).toEqual([]);
});

test("the kernel command line for arm64 has its serial line, and no word that is a PC's: init would get it as an argument", () => {
  expect(kernelCommandLine("quiet", { architecture: "aarch64" })).toBe("console=ttyAMA0 panic=-1 quiet");
});
