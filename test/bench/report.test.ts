import { expect, test } from "vitest";
import type { BootFigures } from "../../bench/boots.ts";
import { type BenchReport, findTargets, formatBench } from "../../bench/report.ts";

function boot(uptimeSeconds: number, cpuSeconds: number): BootFigures {
  const root = { uptimeSeconds, memFreeKib: 921600, settledFreeKib: 921600, memTotalKib: 1048576, survivors: [], root: "/dev/dm-1:ext4:ro" };
  return { promptSeconds: 5, unlockSeconds: 2, cpuSeconds, root, freeKib: 942080, timeline: [{ name: "prompt", uptimeSeconds: 4 }], load: 0.5, restarts: 1 };
}

const report: Omit<BenchReport, "targets"> = {
  date: "2026-01-01T00:00:00.000Z",
  machine: { processors: 2, processor: "Some CPU", loadAtStart: 0.1, loadAtEnd: 0.2, kernelRelease: "6.1.0-1", accelerator: "tcg", guestMemoryMiB: 1024, rounds: 2 },
  builds: [{ what: "nothing in the cache, zstd:9", seconds: 8.5, cpuSeconds: 9, runs: [] }, { what: "unchanged", seconds: 0.25, cpuSeconds: 0.2, runs: [] }],
  compressions: [{ compression: "zstd:12", bytes: 35_200_000, packSeconds: 5.25, unpackSeconds: 1.5 }],
  crypt: [{ sectorBytes: 512, target: [1000, 1200], bareLoop: [80, 120], openssl: 3000 }, { sectorBytes: 4096, target: [400], bareLoop: [500] }],
  dump: { bytes: 768 * 2 ** 20, dump: [500, 900], dd: [1000, 800], ddSparse: [400] },
  inspect: [{ sizeBytes: 2 ** 43, readBytes: 1_630_000, seconds: [0.25, 0.35, 0.2] }],
  images: { generic: { bytes: 33_000_000, layers: [{ name: "runtime", bytes: 23_500_000, unpackedBytes: 76_000_000 }] }, "generic, zstd:19": { bytes: 32_500_000 }, "initramfs-tools": { bytes: 17_000_000 } },
  boots: { generic: [boot(9, 12), boot(18, 24)], "initramfs-tools": [boot(10, 10), boot(20, 20)] },
  problems: ["memory: the guest did not start"],
};

test("targets are compared with what was measured, and what was not is said", () => {
  const targets = findTargets(report);
  expect(targets.map(({ value }) => value)).toEqual([8.5, undefined, 0.25, 32.5, undefined, 100 / 1100, 1.25, 1000 / 900, 0.25, undefined, 0.9, 1.2]);
  const rows = formatBench({ ...report, targets }).split("\n").slice(-15);
  expect(rows.filter((row) => /met$/.test(row))).toEqual([expect.stringMatching(/^build with nothing changed +0\.25 s +0\.3 s +met$/), expect.stringMatching(/^time to decrypt sectors of 512 bytes ÷ a bare loop over OpenSSL +0\.09 × +1 × +met$/), expect.stringMatching(/^time of dumping a linear LV ÷ dd bs=1M +1\.11 × +1\.25 × +met$/), expect.stringMatching(/^inspecting a disk of 8 TiB +0\.25 s +0\.3 s +met$/), expect.stringMatching(/^uptime at the root's init ÷ initramfs-tools +0\.90 × +1 × +met$/)]);
  expect(rows.filter((row) => /MISSED$/.test(row))).toHaveLength(4);
  expect(rows.filter((row) => /not measured$/.test(row))).toHaveLength(3);
  expect(rows.at(-1)).toBe("not measured: memory: the guest did not start");
});

test("the tables have a row for each image and each boot, and the ratio below", () => {
  const text = formatBench({ ...report, targets: findTargets(report) });
  expect(text).toMatch(/load 0\.1 at the start, 0\.2 at the end/);
  expect(text).toMatch(/^zstd:12 +35\.20 +5\.25 +1\.50$/m);
  expect(text).toMatch(/^sectors of 512 bytes +1100\.00 +100\.00 +3000\.00$/m);
  expect(text).toMatch(/^sectors of 4096 bytes +400\.00 +500\.00 +-$/m);
  expect(text).toMatch(/^mkinitrd dump +700 +900 +0\.90$/m);
  expect(text).toMatch(/^dd bs=1M conv=sparse +400 +400 +0\.40$/m);
  expect(text).toMatch(/^a disk of 8192 GiB +1\.63 +0\.25$/m);
  expect(text).toMatch(/^generic +33\.00 +23\.50$/m);
  expect(text).toMatch(/^initramfs-tools +17\.00 +-$/m);
  expect(text).toMatch(/^generic +5\.00 +2\.00 +13\.50 +18\.00 +900\.0 +920\.0 +none +2 +0\.5$/m);
  expect(text).toMatch(/^generic ÷ initramfs-tools, medians +1\.00 +1\.00 +0\.90 +1\.20$/m);
  expect(text).toMatch(/^the root's init +13\.50 +9\.50$/m);
});
