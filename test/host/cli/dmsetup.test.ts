import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { run } from "../../../src/host/cli/program.ts";
import type { DeviceTable } from "../../../src/host/inspect/tables.ts";
import { fixtureBytes, fixtureJson } from "../../fixtures/fixture.ts";
import { lvmReports } from "../../fixtures/lvm2/reports.ts";
import { captureConsole } from "./captured.ts";

const folder = mkdtempSync(join(tmpdir(), "dmsetup-"));
afterAll(() => rmSync(folder, { recursive: true }));
const printed = captureConsole();

function disk(name: string, fixture = `lvm2/${name}.gz`): string {
  const file = join(folder, name);
  writeFileSync(file, fixtureBytes(fixture));
  return file;
}

test("a logical volume's table has the ranges that LVM says its segments have", async () => {
  const { pvs, segments, vg } = lvmReports("vg-one");
  const [first] = segments.filter(({ lv_name: name, segtype, stripes }) => name === "root" && segtype === "linear" && stripes === "1");
  await run(["dmsetup", disk("group-a.img"), disk("group-b.img"), "vg-one/root"]);
  const [, pv = "", startExtent = ""] = /^(\S+):(\d+)-\d+/.exec(first!.seg_pe_ranges) ?? [];
  const extentSectors = Number(vg.vg_extent_size) / 512;
  const peStart = Number(pvs.find(({ pv_name: name }) => name === pv)!.pe_start) / 512;
  const [start, length] = [Number(first!.seg_start_pe) * extentSectors, (Number(first!.seg_size_pe) * extentSectors)];
  expect(printed.out.split("\n")).toContain(`vg--one-root: ${start} ${length} linear ${pv} ${peStart + Number(startExtent) * extentSectors}`);
});

test("a partition of an image file has one, as sfdisk has it, and --concise is one line", async () => {
  const { partitiontable: { partitions } } = fixtureJson<{ partitiontable: { partitions: { start: number; size: number }[] } }>("gpt/three-partitions.sfdisk.json");
  const { size, start } = partitions[1]!;
  const file = disk("three.img", "gpt/three-partitions.img.gz");
  await run(["dmsetup", file, "three.img:2"]);
  expect(printed.out).toBe(`three.img:2: 0 ${size} linear three.img ${start}\n`);
  printed.out = "";
  await run(["dmsetup", "--concise", file, "three.img:2"]);
  expect(printed.out).toBe(`three.img:2,,,ro,0 ${size} linear three.img ${start}\n`);
  printed.out = "";
  await run(["dmsetup", "--json", file, "three.img:2"]);
  expect(JSON.parse(printed.out) as DeviceTable[]).toEqual([{ name: "three.img:2", lines: [`0 ${size} linear three.img ${start}`], written: false }]);
});

test("without a physical volume that it needs it is an error that names it", async () => {
  await run(["dmsetup", disk("group-a.img"), "vg-one/root"]);
  expect([process.exitCode, printed.out]).toEqual([1, ""]);
  expect(printed.errors).toMatch(/the physical volume [\w-]+ is not here\n {2}next: name the disks that have them, too/);
  printed.errors = "";
  await run(["dmsetup", disk("group-a.img"), "vg-one/nope"]);
  expect([process.exitCode, printed.errors]).toEqual([1, expect.stringMatching(/finding the volume "vg-one\/nope" on the disks: it is not there/)]);
});

test("--as says what a disk is called; its partitions are then the kernel's", async () => {
  const { segments } = lvmReports("vg-one");
  const [a, b] = [disk("group-a.img"), disk("group-b.img")];
  await run(["dmsetup", "--as", `${a}=/dev/loop0`, "--as", "group-b.img=/dev/disk/by-id/ata-B", a, b, "vg-one/root"]);
  expect(printed.out.split("\n").filter((line) => line.includes(" linear "))).toHaveLength(segments.filter(({ lv_name: name }) => name === "root").length);
  expect(printed.out).toContain(" linear /dev/loop0 ");
  expect(printed.out).toContain(" linear /dev/disk/by-id/ata-B ");
  expect(printed.out).not.toContain("group-");
});

test("the name of a disk that has a blank is no word of a table, and one that --as gives is", async () => {
  const file = disk("my disk.img", "gpt/three-partitions.img.gz");
  await run(["dmsetup", file, "my disk.img:2"]);
  expect([process.exitCode, printed.out, printed.errors]).toEqual([1, "", expect.stringMatching(/the name "my disk\.img" has a blank.*\n {2}next: say what it will be called: --as "my disk\.img=\/dev\/loop0"/)]);
  printed.errors = "";
  await run(["dmsetup", "--as", "my disk.img=/dev/mapper/whole", file, "my disk.img:2"]);
  expect(printed.out).toMatch(/^my_disk\.img:2: 0 \d+ linear \/dev\/mapper\/whole \d+\n$/);
});

test.each([
  ["none.img=/dev/loop0", /"none\.img" is none of the disks; they are/],
  ["three.img=loop0", /it names no node of \/dev/],
  ["three.img=/dev/my loop", /it names no node of \/dev/],
])("--as %s is refused", async (word, found) => {
  await run(["dmsetup", "--as", word, disk("three.img", "gpt/three-partitions.img.gz"), "three.img:2"]);
  expect([process.exitCode, printed.out, printed.errors]).toEqual([1, "", expect.stringMatching(found)]);
});

test("a partition that the kernel has a node for needs no table, and that is said", async () => {
  await run(["dmsetup", "--as", "three.img=/dev/nvme0n1", disk("three.img", "gpt/three-partitions.img.gz"), "three.img:2"]);
  expect([process.exitCode, printed.out, printed.errors]).toEqual([1, "", expect.stringContaining("it is /dev/nvme0n1p2 itself")]);
});

test("an md array is not device-mapper's, and what to do instead is said", async () => {
  const [, , count = ""] = fixtureBytes("md/array-raid10-f2.txt").toString().split("\n")[0]!.split(" ");
  const bytes = fixtureBytes("md/array-raid10-f2.img.gz");
  const files = Array.from({ length: Number(count) }, (_, index) => {
    const file = join(folder, `member-${index}.img`);
    writeFileSync(file, bytes.subarray((index * bytes.length) / Number(count), ((index + 1) * bytes.length) / Number(count)));
    return file;
  });
  await run(["inspect", "--json", ...files]);
  const name = /"name": "(\/dev\/[^"]*md[^"]*)"/.exec(printed.out)![1]!;
  printed.out = "";
  await run(["dmsetup", ...files, name]);
  expect([process.exitCode, printed.out]).toEqual([1, ""]);
  expect(printed.errors).toMatch(/is an md array \(raid10\), which device-mapper does not make\n {2}next: assemble it with mdadm/);
});

test("with --concise a device is read-only, but for those that a target above writes to", async () => {
  const files = [disk("kinds.slow.img"), disk("kinds.fast.img")];
  await run(["dmsetup", "--concise", "--as", "kinds.slow.img=/dev/sda", "--as", "kinds.fast.img=/dev/sdb", ...files, "vgk/cached"]);
  const [name, access] = [0, 3];
  expect(Object.fromEntries(printed.out.trim().split(";").map((device) => [device.split(",")[name], device.split(",")[access]]))).toEqual({
    "vgk-cached_corig": "rw", "vgk-fast_cvol": "rw", "vgk-fast_cvol-cmeta": "rw", "vgk-fast_cvol-cdata": "rw", "vgk-cached": "ro",
  });
  printed.out = "";
  await run(["dmsetup", ...files, "vgk/checked"]);
  expect([process.exitCode, printed.errors]).toEqual([1, expect.stringMatching(/its table is not known here: it has dm-integrity below a RAID.*\n {2}next: lvchange -ay/)]);
});
