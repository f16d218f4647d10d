import { MkinitrdError } from "../../core/errors.ts";
import type { ArchitectureName } from "../architecture.ts";

/** A virtual machine, as plain data: what `qemuArguments` turns into QEMU's command line. */
export interface Machine {
  /** Without it x86_64: QEMU's PC. aarch64 is its `virt`. */
  architecture?: ArchitectureName;
  /** What QEMU itself starts; without a kernel the firmware starts what is on the disks. */
  kernel?: string;
  initrd?: string;
  /** The whole kernel command line; see `kernelCommandLine`. */
  append: string;
  /** UEFI in place of QEMU's BIOS: OVMF's code, and its variables, which are not written to. */
  firmware?: { code: string; variables: string };
  memoryMiB: number;
  smp: number;
  accelerator: Accelerator;
  /** The guest device that is joined to QEMU's standard input and output; ttyS0 is a PC's serial port, ttyAMA0 that of `virt`. */
  console: "ttyS0" | "ttyAMA0" | "hvc0";
  /** A VGA screen, with a PS/2 keyboard, and how the host shows it, in the words of QEMU's -display: `gtk`, `none`. Without it there is none. */
  display?: string;
  /** A network card: the guest gets 10.0.2.15 by DHCP, and finds this machine's own loopback at 10.0.2.2. */
  network?: boolean;
  /** In order: /dev/vda, /dev/vdb, … those with `hotplug` left out until they come. */
  disks: MachineDisk[];
}

export type Accelerator = "kvm" | "tcg";

/** How a disk is joined to the machine; scsi is virtio's. The guest calls them vdX, nvmeXn1 and sdX. */
export type DiskBus = "virtio" | "nvme" | "ahci" | "scsi";

export interface MachineDisk {
  /** virtio unless it says otherwise. */
  bus?: DiskBus;
  file: string;
  format: "raw" | "qcow2";
  /** The guest's writes go to a temporary file that vanishes with QEMU. */
  snapshot: boolean;
  /** What the guest reads in /sys/block/vdX/serial; at most 20 characters. */
  serial?: string;
  /** Absent at start; `Guest.hotplug` puts it in. */
  hotplug?: boolean;
  /** Nothing depends on the file when the host goes down: never wait for its disk. */
  disposable?: boolean;
}

/** The file descriptor at which QEMU finds one end of a socket pair: QMP, for which no socket file is needed. */
export const QMP_DESCRIPTOR = 3;

/** What QEMU does differently for an architecture. */
export const PLATFORMS: Record<ArchitectureName, { serial: Machine["console"]; machine: string[]; cpu: Record<Accelerator, string>; screen: string[]; words: string[] }> = {
  /**
   * Under TCG without CMPXCHG16B: QEMU 7.2 now and then leaves a pointer in the flags behind it, and
   * a kernel that allocates memory with it (6.12 does) runs on with VM or DF set: a double fault, or memory overwritten backwards.
   * And without ERMS, for which Linux clears and copies memory with one string instruction for bytes: TCG repeats it byte by byte.
   * The timer check fails now and then under TCG on a loaded host.
   */
  x86_64: { serial: "ttyS0", machine: [], cpu: { kvm: "max", tcg: "max,-cx16,-erms" }, screen: ["VGA"], words: ["no_timer_check"] },
  /** Under TCG with a cheap algorithm for signed pointers, which a kernel takes where they are there: the real one is slow to emulate. */
  aarch64: {
    serial: "ttyAMA0", machine: ["-machine", "virt,gic-version=max"], cpu: { kvm: "max", tcg: "max,pauth-impdef=on" },
    screen: ["virtio-gpu-pci", "virtio-keyboard-pci"], words: [],
  },
};

/** QEMU's command line for the machine: no device but those listed, no network unless asked for, and a reset ends it. */
export function qemuArguments(machine: Machine): string[] {
  const platform = PLATFORMS[machine.architecture ?? "x86_64"];
  return [
    ...platform.machine,
    ...["-nodefaults", "-no-user-config", "-no-reboot"],
    ...["-display", machine.display ?? "none"],
    ...(machine.display === undefined ? [] : platform.screen.flatMap((device) => ["-device", device])),
    ...["-accel", machine.accelerator],
    ...["-cpu", platform.cpu[machine.accelerator]],
    ...["-smp", String(machine.smp)],
    ...["-m", `${machine.memoryMiB}M`],
    ...(machine.firmware === undefined ? [] : firmwareArguments(machine.firmware)),
    ...(machine.kernel === undefined ? [] : ["-kernel", machine.kernel]),
    ...(machine.initrd === undefined ? [] : ["-initrd", machine.initrd]),
    ...(machine.kernel === undefined ? [] : ["-append", machine.append]),
    ...consoleArguments(machine.console),
    ...(machine.network === true ? ["-netdev", "user,id=net0", "-device", "virtio-net-pci,netdev=net0,romfile="] : []),
    ...["-chardev", `socket,id=qmp,fd=${QMP_DESCRIPTOR}`, "-mon", "chardev=qmp,mode=control"],
    ...controllerArguments(machine.disks),
    ...machine.disks.flatMap(diskArguments),
  ];
}

/** Documentation/x86/boot.rst, cmdline_size: COMMAND_LINE_SIZE without its NUL. */
const KERNEL_COMMAND_LINE_BYTES = 2047;

/**
 * Words for a guest of ours: messages on the console, no endless wait after a panic, and none of the timer check that
 * fails now and then under TCG on a loaded host; then `words`. With `vga` they go to the VGA screen first. Throws when it is longer than the kernel reads: QEMU starts it all the same, and the guest says nothing.
 */
export function kernelCommandLine(words: string, { architecture = "x86_64", console = PLATFORMS[architecture].serial, vga = false }: Partial<Pick<Machine, "architecture" | "console">> & { vga?: boolean } = {}): string {
  const line = [vga ? "console=tty0" : "", `console=${console}`, "panic=-1", ...PLATFORMS[architecture].words, words].filter((word) => word !== "").join(" ");
  const bytes = Buffer.byteLength(line);
  if (bytes <= KERNEL_COMMAND_LINE_BYTES) return line;
  throw new MkinitrdError({ tried: "starting the guest", on: "its kernel command line", found: `${bytes} bytes; the kernel takes ${KERNEL_COMMAND_LINE_BYTES}`, next: "leave words out" });
}

/** The properties of the disk's device, on the command line and in QMP's device_add; `index` counts in the machine. */
export function diskDevice({ bus = "virtio", serial }: MachineDisk, index: number): Record<string, string> {
  const device = { id: `disk${index}-device`, drive: `disk${index}`, ...(serial === undefined ? {} : { serial }) };
  switch (bus) {
    case "virtio":
      return { driver: "virtio-blk-pci", ...device };
    case "nvme":
      return { driver: "nvme", serial: `disk${index}`, ...device }; // it must have one
    case "ahci":
      return { driver: "ide-hd", bus: `ahci.${index}`, ...device };
    case "scsi":
      return { driver: "scsi-hd", ...device };
  }
}

/** Six disks fit on the controller that is AHCI's. */
function controllerArguments(disks: readonly MachineDisk[]): string[] {
  const buses = new Set(disks.map(({ bus }) => bus));
  return [
    ...(buses.has("ahci") ? ["-device", "ich9-ahci,id=ahci"] : []),
    ...(buses.has("scsi") ? ["-device", "virtio-scsi-pci,id=scsi"] : []),
  ];
}

function firmwareArguments({ code, variables }: NonNullable<Machine["firmware"]>): string[] {
  const flash = (file: string, more: Record<string, string>) => ["-drive", formatProperties({ if: "pflash", format: "raw", file, ...more })];
  return [...flash(code, { readonly: "on" }), ...flash(variables, { snapshot: "on" })];
}

function consoleArguments(console: Machine["console"]): string[] {
  const chardev = ["-chardev", "stdio,id=console,signal=off"];
  if (console !== "hvc0") return [...chardev, "-serial", "chardev:console"];
  return [...chardev, "-device", "virtio-serial-pci", "-device", "virtconsole,chardev=console"];
}

function diskArguments(disk: MachineDisk, index: number): string[] {
  const cache = disk.snapshot || disk.disposable === true ? "unsafe" : "writeback";
  const drive = {
    if: "none",
    id: `disk${index}`,
    file: disk.file,
    format: disk.format,
    snapshot: disk.snapshot ? "on" : "off",
    cache,
    // A guest's discards and zeroes leave holes in the file.
    discard: "unmap",
    "detect-zeroes": "unmap",
  };
  return ["-drive", formatProperties(drive), ...(disk.hotplug === true ? [] : ["-device", formatProperties(diskDevice(disk, index))])];
}

/** QEMU's `key=value,key=value`, where a comma inside a value is written twice. */
function formatProperties(properties: Record<string, string>): string {
  return Object.entries(properties).map(([key, value]) => `${key}=${value.replaceAll(",", ",,")}`).join(",");
}
