import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, test, vi } from "vitest";
import { run } from "../../../src/host/cli/program.ts";
import type { DeviceTable } from "../../../src/host/inspect/tables.ts";
import { fixtureBytes, fixtureJson } from "../../fixtures/fixture.ts";
import { lvmReports } from "../../fixtures/lvm2/reports.ts";

const folder = mkdtempSync(join(tmpdir(), "dmsetup-"));
afterAll(() => rmSync(folder, { recursive: true }));
let out = "";
let errors = "";
beforeEach(() => {
  [out, errors] = ["", ""];
  vi.spyOn(console, "log").mockImplementation((text: string) => void (out += `${text}\n`));
  vi.spyOn(console, "error").mockImplementation((text: string) => void (errors += `${text}\n`));
  process.exitCode = undefined;
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

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
  expect(out.split("\n")).toContain(`vg--one-root: ${start} ${length} linear ${pv} ${peStart + Number(startExtent) * extentSectors}`);
});

test("a partition of an image file has one, as sfdisk has it, and --concise is one line", async () => {
  const { partitiontable: { partitions } } = fixtureJson<{ partitiontable: { partitions: { start: number; size: number }[] } }>("gpt/three-partitions.sfdisk.json");
  const { size, start } = partitions[1]!;
  const file = disk("three.img", "gpt/three-partitions.img.gz");
  await run(["dmsetup", file, "three.img:2"]);
  expect(out).toBe(`three.img:2: 0 ${size} linear three.img ${start}\n`);
  out = "";
  await run(["dmsetup", "--concise", file, "three.img:2"]);
  expect(out).toBe(`three.img:2,,,ro,0 ${size} linear three.img ${start}\n`);
  out = "";
  await run(["dmsetup", "--json", file, "three.img:2"]);
  expect(JSON.parse(out) as DeviceTable[]).toEqual([{ name: "three.img:2", lines: [`0 ${size} linear three.img ${start}`] }]);
});

test("without a physical volume that it needs it is an error that names it", async () => {
  await run(["dmsetup", disk("group-a.img"), "vg-one/root"]);
  if (out === "") expect(errors).toMatch(/the physical volume [\w-]+ is not here\n {2}next: name the disks that have them, too/);
  await run(["dmsetup", disk("group-a.img"), "vg-one/nope"]);
  expect([process.exitCode, errors]).toEqual([1, expect.stringMatching(/finding the volume "vg-one\/nope" on the disks: it is not there/)]);
});
