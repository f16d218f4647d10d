import { expect, test } from "vitest";
import { parseLoadedModules, parsePerCpuFreeKib, parseRootReport, parseShownFile, parseTimeline, parseUnpackSeconds } from "../../bench/console.ts";

// From a guest with images/realroot-init, shortened.
const CONSOLE = `
REALROOT uptime=8.77 MemTotal=995356 kB MemFree=934072 MemAvailable=921000 root=/dev/vda2:ext4:ro arguments=single
REALROOT-SETTLED MemTotal=995356 MemFree=957300 MemAvailable=940000 Shmem=12 survivors=2: node sh missing=
REALROOT-FILE /run/mkinitrd/log
[    5.81] timeline: pid 1 started
[   10.55] found /dev/vda2
[    8.55] timeline: boot program running
REALROOT-END
REALROOT-FILE /proc/cut
half of
`;

test("the root's lines give uptime, memory and survivors", () => {
  expect(parseRootReport(CONSOLE)).toEqual({
    uptimeSeconds: 8.77, memFreeKib: 934072, settledFreeKib: 957300, memTotalKib: 995356, survivors: ["node", "sh"], root: "/dev/vda2:ext4:ro",
  });
});

test.each([
  { change: (text: string) => text.replace("REALROOT-SETTLED", "REALROOT-SET"), found: /no REALROOT-SETTLED line/ },
  { change: (text: string) => text.replace("REALROOT uptime", "uptime"), found: /no REALROOT line/ },
  { change: (text: string) => text.replace("MemFree=957300", "MemFree="), found: /reading MemFree/ },
])("a console in which a figure is missing is an error: $found", ({ change, found }) => {
  expect(() => parseRootReport(change(CONSOLE))).toThrow(found);
});

test("a file that the root showed is given whole, and one that was cut off is an error", () => {
  expect(parseShownFile(CONSOLE, "/run/mkinitrd/log")).toMatch(/^\[ {4}5\.81\][^]*running\n$/);
  expect(() => parseShownFile(CONSOLE, "/proc/cut")).toThrow(/did not show the whole/);
  expect(() => parseShownFile(CONSOLE, "/proc/none")).toThrow(/did not show the whole/);
});

test("a timeline is the marks of the boot's log, by time", () => {
  expect(parseTimeline(CONSOLE)).toEqual([{ name: "pid 1 started", uptimeSeconds: 5.81 }, { name: "boot program running", uptimeSeconds: 8.55 }]);
});

test("modules come in the order in which they were loaded, the reverse of /proc/modules", () => {
  expect(parseLoadedModules("virtio_blk 28672 1 - Live 0x0\nvirtio_ring 57344 2 virtio_blk,virtio_pci, Live 0x0\n")).toEqual(["virtio_ring", "virtio_blk"]);
});

test("pages on the processors' lists are counted, and not the other counts of /proc/zoneinfo", () => {
  const zone = "Node 0, zone    DMA32\n  pages free     2\n  pagesets\n    cpu: 0\n              count: 5\n              high:  63\n    cpu: 1\n              count: 7\n";
  expect(parsePerCpuFreeKib(zone)).toBe(48);
});

test("the time of unpacking lies between two lines of the kernel, and there is none when it failed", () => {
  const log = "[    1.250000] Trying to unpack rootfs image as initramfs...\n[    3.750000] Freeing initrd memory: 34400K\n";
  expect(parseUnpackSeconds(log)).toBeCloseTo(2.5);
  expect(parseUnpackSeconds(log.replace("Freeing", "Initramfs unpacking failed: junk\n[    3.750000] Freeing"))).toBeUndefined();
  expect(parseUnpackSeconds(log.split("\n")[0]!)).toBeUndefined();
});
