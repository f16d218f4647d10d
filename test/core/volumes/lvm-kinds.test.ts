import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import type { Source } from "../../../src/core/binary/source.ts";
import { tableLines } from "../../../src/core/dm/table-text.ts";
import { ALL_READERS } from "../../../src/core/volumes/all-readers.ts";
import { survey } from "../../../src/core/volumes/discover.ts";
import { parseVolumeGroup } from "../../../src/core/formats/lvm2-metadata.ts";
import { fixture, fixtureBytes } from "../../fixtures/fixture.ts";

/** By volume the sum of what the kernel read, and the tables that it had; see test/fixtures/lvm2/make-kinds.sh. */
const said = fixtureBytes("lvm2/kinds.sha256").toString().trim().split("\n");
const sumOf = async (source: Source) => createHash("sha256").update(await source.read(0, source.sizeBytes)).digest("hex");

async function kinds() {
  const devices = await Promise.all(["slow", "fast"].map(async (path) => ({ path, source: { ...(await fixture(`lvm2/kinds.${path}.img.gz`)), name: path } })));
  const { groups: [group], volumes } = await survey(devices, ALL_READERS);
  return { group: group!, volume: (lv: string) => volumes.find(({ name }) => name === `vgk/${lv}`)! };
}

test.each(["cached", "written"])("the bytes of vgk/%s, whose newest ones are on the fast volume alone, are what the kernel read", async (lv) => {
  const { volume } = await kinds();
  expect(`${lv} ${await sumOf(volume(lv).source!)}`).toBe(said.find((line) => line.startsWith(`${lv} `)));
});

test.each(["cached", "written"])("vgk/%s has the tables that LVM made for it, on volumes of the same names", async (lv) => {
  const { group } = await kinds();
  const { tables } = group.logicalVolumes.find(({ name }) => name === lv)!;
  const names = tables!.map(({ name }) => name);
  // LVM saw no module smq there, and asked for mq, which is another name of the same policy; drivers/md/dm-cache-policy-smq.c.
  const kernels = said.filter((line) => names.includes(line.slice(0, line.indexOf(": ")))).map((line) => line.replace(/ mq 0$/, " smq 0"));
  expect(tables!.flatMap(({ name, targets }) => tableLines(targets, { name })).toSorted()).toEqual(kernels.toSorted());
  expect(names.at(-1)).toBe(`vgk-${lv}`);
});

test("an integrity below a RAID is refused by that name, and so is what lies on it", async () => {
  const { volume } = await kinds();
  expect(volume("checked")).toMatchObject({ lv: { refused: "it has dm-integrity below a RAID, whose journal may be newer than the data (checked_rimage_0)" } });
  expect(volume("checked").source).toBeUndefined();
});

test("the metadata text of these kinds is parsed whole, as vgcfgbackup writes it", () => {
  const { logicalVolumes } = parseVolumeGroup(fixtureBytes("lvm2/kinds.txt").toString(), "kinds.txt");
  const types = Object.fromEntries(logicalVolumes.map(({ name, segments: [segment] }) => [name, segment!.type === "other" ? segment!.segmentType : segment!.type]));
  expect(types).toMatchObject({ cached: expect.stringMatching(/^cache(\+|$)/), written: expect.stringMatching(/^writecache(\+|$)/), checked_rimage_0: "integrity", checked: "raid1", fast_cvol: "striped" });
});
