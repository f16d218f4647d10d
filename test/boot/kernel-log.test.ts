import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createKernelLog, parseKernelRecord, restoreKernelLog } from "../../src/boot/kernel-log.ts";

test.each([
  { record: "6,339,5140900,-;NET: Registered PF_INET6\n", parsed: { priority: 6, microseconds: 5140900, text: "NET: Registered PF_INET6" } },
  { record: "30,340,5690716,-,caller=T1;udevd[80]: a\\x1b[31mb\\xff\n SUBSYSTEM=acpi\n DEVICE=+acpi:PNP0A03:00\n", parsed: { priority: 6, microseconds: 5690716, text: "udevd[80]: a\x1b[31mb\xff" } },
  { record: "", parsed: undefined },
  { record: "rubbish", parsed: undefined },
])("a record of /dev/kmsg: $record", ({ record, parsed }) => {
  expect(parseKernelRecord(record)).toEqual(parsed);
});

let folder: string;
let places: { printk: string; kmsg: string; saved: string; uptimeSeconds(): number };
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mkinitrd-kmsg-"));
  places = { printk: join(folder, "printk"), kmsg: join(folder, "kmsg"), saved: join(folder, "saved"), uptimeSeconds: () => 5 };
  writeFileSync(places.printk, "4\t4\t1\t7\n");
  execFileSync("mkfifo", [places.kmsg]); // gives a record for each write, as long as each is read before the next
});
afterEach(() => rmSync(folder, { recursive: true }));

test("messages from now on that would have been on the console are printed, without what a terminal obeys; the kernel gets its level back", async () => {
  const lines: string[] = [];
  const log = createKernelLog((line) => lines.push(line), places);
  log.start();
  expect(readFileSync(places.printk, "latin1")).toBe("1");
  for (const record of ["3,1,4000000,-;from before\n", "6,2,6000000,-;not urgent\n", "3,3,6500000,-;ata1: a\\x1b[2Jb\n"]) {
    writeFileSync(places.kmsg, record, { flag: "r+" });
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  expect(lines).toEqual(["[    6.500000] ata1: a?[2Jb"]);
  log.stop();
  expect(readFileSync(places.printk, "latin1")).toBe("4");
});

test("a second attempt of the boot goes by the level of before, and what a crash left is put right", () => {
  createKernelLog(() => {}, places).start();
  const again = createKernelLog(() => {}, places);
  again.start();
  again.stop();
  expect(readFileSync(places.printk, "latin1")).toBe("4");
  writeFileSync(places.printk, "1");
  restoreKernelLog(places);
  expect(readFileSync(places.printk, "latin1")).toBe("4");
});

test("without /dev/kmsg the kernel goes on printing", () => {
  const log = createKernelLog(() => {}, { ...places, kmsg: join(folder, "none") });
  log.start();
  log.stop();
  expect(readFileSync(places.printk, "latin1")).toBe("4\t4\t1\t7\n");
});
