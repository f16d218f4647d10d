import { expect, test } from "vitest";
import { formatReport, type FailureReport } from "../../../src/core/rescue/report.ts";

const REPORT: FailureReport = {
  imageId: "97434202111f",
  kernelRelease: "6.1.0-56-amd64",
  uptimeSeconds: 41.5,
  failure: "looking for the device on LABEL=nowhere: it did not appear\n  next: check the name",
  realroot: "local:ext4:LABEL=nowhere",
  volumes: [{ name: "/dev/vda1", layer: "partition", sizeBytes: 16 * 2 ** 20, content: { type: "vfat", uuid: "4D4B-4901", label: "ESP" } }],
  log: ["[    4.98] timeline: pid 1 started", "[    6.49] step devices: started", "[   11.21] timeline: key accepted"],
};

test("a report says what failed, what was asked for, what was there, when what was reached, and has the log", () => {
  expect(formatReport(REPORT)).toBe(`mkinitrd: a boot failed, 41.50 s after the kernel started
image 97434202111f, Linux 6.1.0-56-amd64

What failed
  looking for the device on LABEL=nowhere: it did not appear
    next: check the name

Realroot
  local:ext4:LABEL=nowhere

Volumes
  /dev/vda1  vfat  LABEL="ESP"  UUID=4D4B-4901  16 MiB

Timeline, in seconds since the kernel started
      4.98 s  pid 1 started
     11.21 s  key accepted

Log
  [    4.98] timeline: pid 1 started
  [    6.49] step devices: started
  [   11.21] timeline: key accepted
`);
});

test("what a disk put into it reaches no terminal unescaped", () => {
  const text = formatReport({ ...REPORT, failure: "label \x1b[2J", log: ["\x9b31m\x07"] });
  expect(text).not.toMatch(/[^\n\x20-\x7e]/);
});

test("of a long log the first and the last lines are there, and how many are not", () => {
  const text = formatReport({ ...REPORT, log: Array.from({ length: 100_000 }, (_, n) => `line ${n}`.padEnd(3000, ".")) });
  expect(text).toMatch(/ line 399\.+\n {2}\(98000 lines are left out\)\n {2}line 98400\./);
  expect(text.length).toBeLessThan(5e6);
});

test.each([
  { volumes: undefined, line: "nobody could look at them in time" },
  { volumes: [], line: "no block device at all" },
])("without volumes it says: $line", ({ volumes, line }) => {
  const { volumes: _, ...rest } = REPORT;
  expect(formatReport(volumes === undefined ? rest : { ...rest, volumes })).toContain(`Volumes\n  ${line}\n`);
});
