import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { memorySource } from "../../../src/core/binary/source.ts";
import type { Device } from "../../../src/core/dm/device.ts";
import { tableLines } from "../../../src/core/dm/table-text.ts";
import { probeLvm2 } from "../../../src/core/formats/lvm2.ts";
import type { PhysicalVolume } from "../../../src/core/formats/lvm2.ts";
import type { LogicalVolumeEntry, VolumeGroupMetadata } from "../../../src/core/formats/lvm2-metadata.ts";
import { assembleVolumeGroups } from "../../../src/core/volumes/lvm.ts";
import type { FoundPv } from "../../../src/core/volumes/lvm.ts";
import { fixture, fixtureBytes } from "../../fixtures/fixture.ts";
import { lvmReports } from "../../fixtures/lvm2/reports.ts";

async function found(disk: string): Promise<FoundPv> {
  const source = await fixture(`lvm2/${disk}.img.gz`);
  return { device: { path: source.name, source }, pv: (await probeLvm2(source))! };
}

/** The table that the segments which `lvs` printed make, in sectors: PE ranges times the extent size behind pe_start. */
function expectedTable(lv: string): string[] {
  const { pvs, segments, vg } = lvmReports("vg-one");
  const extent = Number(vg.vg_extent_size) / 512;
  return segments.filter(({ lv_name }) => lv_name === lv).map(({ seg_pe_ranges, seg_size_pe, seg_start_pe, stripe_size }) => {
    const legs = seg_pe_ranges.split(" ").map((range) => {
      const [, name, first] = /^(.*):(\d+)-\d+$/.exec(range)!;
      const start = Number(pvs.find(({ pv_name }) => pv_name === name)!.pe_start) / 512;
      return `${name} ${start + Number(first) * extent}`;
    });
    const range = `${Number(seg_start_pe) * extent} ${Number(seg_size_pe) * extent}`;
    return legs.length === 1 ? `${range} linear ${legs[0]}` : `${range} striped ${legs.length} ${Number(stripe_size) / 512} ${legs.join(" ")}`;
  });
}

test("a group of two PVs has the volumes that lvs prints, with the tables that its segments make", async () => {
  const { lvs, vg } = lvmReports("vg-one");
  const [group, ...rest] = assembleVolumeGroups([await found("group-a"), await found("group-b")]);
  expect(rest).toEqual([]);
  expect(group).toMatchObject({ name: "vg-one", uuid: vg.vg_uuid, seqno: Number(vg.vg_seqno), missingPvs: [] });
  expect(group?.logicalVolumes).toHaveLength(lvs.length);
  for (const { lv_name, lv_size, lv_uuid } of lvs) {
    const lv = group?.logicalVolumes.find(({ name }) => name === lv_name);
    expect(lv).toMatchObject({ uuid: lv_uuid, sizeBytes: Number(lv_size), visible: true, missingPvs: [] });
    expect(tableLines(lv?.targets ?? [])).toEqual(expectedTable(lv_name));
  }
});

test.each([{ lv: "root", line: 0 }, { lv: "str", line: 1 }])("the bytes of $lv are those that were laid over its extents", async ({ lv, line }) => {
  const sums = fixtureBytes("lvm2/vg-one.sha256").toString().split("\n");
  const [group] = assembleVolumeGroups([await found("group-b"), await found("group-a")]);
  const source = group!.logicalVolumes.find(({ name }) => name === lv)!.open!();
  const bytes = await source.read(0, source.sizeBytes);
  expect(createHash("sha256").update(bytes).digest("hex")).toBe(sums[line]!.split(" ")[0]);
});

test("with a PV missing, the group says which, and only the volumes on it are out of reach", async () => {
  const { pvs } = lvmReports("vg-one");
  const missing = pvs.find(({ pv_name }) => pv_name === "group-b.img")!.pv_uuid;
  const [group] = assembleVolumeGroups([await found("group-a")]);
  expect(group?.missingPvs).toEqual([{ uuid: missing, name: "pv1" }]);
  expect(group?.logicalVolumes.map(({ missingPvs, name, open }) => [name, missingPvs, open === undefined]).sort()).toEqual([
    ["my-data.1+x", [missing], true],
    ["root", [missing], true],
    ["str", [missing], true],
  ]);
});

/** A PV of a made-up group of one or more. */
function pvOf(uuid: string, path: string, metadata?: VolumeGroupMetadata): FoundPv {
  const pv: PhysicalVolume = {
    pvUuid: uuid,
    sizeBytes: 1024 * 1024,
    labelSector: 1,
    dataAreas: [],
    metadataAreas: [],
    ...(metadata === undefined ? {} : { metadata }),
    damage: [],
  };
  return { pv, device: { path, source: memorySource(Buffer.alloc(1024 * 1024), path) } satisfies Device };
}

function groupOf(logicalVolumes: LogicalVolumeEntry[], changes: Partial<VolumeGroupMetadata> = {}): VolumeGroupMetadata {
  return {
    id: "vg-uuid",
    name: "vg0",
    seqno: 1,
    extentSectors: 8,
    status: [],
    flags: [],
    physicalVolumes: ["0", "1"].map((n) => ({ name: `pv${n}`, id: `uuid-${n}`, peStartSector: 16, peCount: 100, flags: [] })),
    logicalVolumes,
    ...changes,
  };
}

function linearLv(name: string, pv: string, startExtent = 0, status = ["VISIBLE"]): LogicalVolumeEntry {
  const stripes = [{ pv, startExtent }];
  return { name, id: `id-${name}`, status, flags: [], segments: [{ type: "striped", startExtent: 0, extentCount: 4, stripeCount: 1, stripeSizeSectors: 0, stripes }] };
}

function otherLv(name: string, segmentType: string, values: Record<string, string | string[]>, status = ["VISIBLE"]): LogicalVolumeEntry {
  return { name, id: `id-${name}`, status, flags: [], segments: [{ type: "other", segmentType, startExtent: 0, extentCount: 4, values }] };
}

test("the newest metadata counts, and a PV that it no longer has is in no group", () => {
  const old = groupOf([linearLv("old", "pv0")], { seqno: 4 });
  const recent = groupOf([linearLv("recent", "pv0")], { seqno: 5, physicalVolumes: [groupOf([]).physicalVolumes[0]!] });
  const groups = assembleVolumeGroups([pvOf("uuid-1", "/dev/b", old), pvOf("uuid-0", "/dev/a", recent)]);
  expect(groups).toMatchObject([{ seqno: 5, missingPvs: [], logicalVolumes: [{ name: "recent" }] }]);
});

test("a PV without metadata belongs to the group that names it", () => {
  const [group] = assembleVolumeGroups([pvOf("uuid-0", "/dev/a"), pvOf("uuid-1", "/dev/b", groupOf([linearLv("lv", "pv0")]))]);
  expect(group?.missingPvs).toEqual([]);
  expect(tableLines(group?.logicalVolumes[0]?.targets ?? [])).toEqual(["0 32 linear /dev/a 16"]);
});

test("two groups of one name stay two", () => {
  const other = groupOf([], { id: "other-uuid", physicalVolumes: [{ ...groupOf([]).physicalVolumes[0]!, id: "uuid-9" }] });
  const groups = assembleVolumeGroups([pvOf("uuid-0", "/dev/a", groupOf([])), pvOf("uuid-9", "/dev/c", other)]);
  expect(groups.map(({ name, uuid }) => `${name} ${uuid}`)).toEqual(["vg0 vg-uuid", "vg0 other-uuid"]);
});

test("of a PV that was found twice, the first device is used", () => {
  const metadata = groupOf([linearLv("lv", "pv0")]);
  const [group] = assembleVolumeGroups([pvOf("uuid-0", "/dev/mapper/mpatha", metadata), pvOf("uuid-0", "/dev/sda", metadata)]);
  expect(tableLines(group?.logicalVolumes[0]?.targets ?? [])).toEqual(["0 32 linear /dev/mapper/mpatha 16"]);
});

test.each([
  { what: "on two disks", ids: ["serial-1", "serial-2"], copies: ["/dev/sdb"] },
  { what: "on two paths to one disk", ids: ["wwid-1", "wwid-1"], copies: [] },
  { what: "on disks that nothing tells apart", ids: [undefined, undefined], copies: [] },
  { what: "on a mapping and the disk below it", ids: [undefined, "serial-1"], copies: [] },
])("a PV $what has the copies $copies", ({ copies, ids }) => {
  const metadata = groupOf([linearLv("lv", "pv0")]);
  const found = ids.map((diskId, n) => ({ ...pvOf("uuid-0", `/dev/sd${"ab"[n]}`, metadata), ...(diskId === undefined ? {} : { diskId }) }));
  expect(assembleVolumeGroups(found)).toMatchObject([{ copies, devices: ["/dev/sda"] }]);
});

test("snapshots tell what they are of, and pools that they are pools", () => {
  const metadata = groupOf([
    linearLv("origin", "pv0"), linearLv("snap", "pv0", 4), otherLv("snapshot0", "snapshot", { origin: "origin", cow_store: "snap" }),
    otherLv("pool", "thin-pool", { pool: "pool_tdata", metadata: "pool_tmeta" }),
    otherLv("thin", "thin", { thin_pool: "pool" }), otherLv("thinsnap", "thin", { thin_pool: "pool", origin: "thin" }),
  ]);
  const [group] = assembleVolumeGroups([pvOf("uuid-0", "/dev/a", metadata)]);
  const listed = group?.logicalVolumes.filter(({ visible }) => visible).map(({ name, pool, snapshotOf }) => [name, pool, snapshotOf]);
  expect(listed).toEqual([["origin", false, undefined], ["snap", false, "origin"], ["pool", true, undefined], ["thin", false, undefined], ["thinsnap", false, "thin"]]);
});

test("a PV that LVM marked as missing is missing, though it is back", () => {
  const metadata = groupOf([linearLv("lv", "pv0")]);
  metadata.physicalVolumes[0]!.flags.push("MISSING");
  const [group] = assembleVolumeGroups([pvOf("uuid-0", "/dev/a", metadata)]);
  expect(group).toMatchObject({ missingPvs: [{ uuid: "uuid-0", path: "/dev/a" }, { uuid: "uuid-1" }], logicalVolumes: [{ missingPvs: ["uuid-0"] }] });
  expect(group?.logicalVolumes[0]?.open).toBeUndefined();
});

test("what a volume needs is followed through the parts that its segments name", () => {
  const metadata = groupOf([
    otherLv("mirror", "raid1", { type: "raid1", raids: ["mirror_rimage_0", "mirror_rimage_1"] }),
    linearLv("mirror_rimage_0", "pv0", 0, []),
    linearLv("mirror_rimage_1", "pv1", 0, []),
    linearLv("raid1", "pv1", 50),
  ]);
  const [group] = assembleVolumeGroups([pvOf("uuid-0", "/dev/a", metadata)]);
  expect(group?.logicalVolumes.map(({ missingPvs, name, visible }) => [name, visible, missingPvs])).toEqual([
    ["mirror", true, ["uuid-1"]],
    ["mirror_rimage_0", false, []],
    ["mirror_rimage_1", false, ["uuid-1"]],
    ["raid1", true, ["uuid-1"]],
  ]);
});

test("volumes that name each other in a circle come to an end", () => {
  const metadata = groupOf([linearLv("x", "y"), linearLv("y", "x")]);
  const [group] = assembleVolumeGroups([pvOf("uuid-0", "/dev/a", metadata)]);
  expect(group?.logicalVolumes.map(({ missingPvs, open }) => [missingPvs, open])).toEqual([[[], undefined], [[], undefined]]);
});

test("a snapshot's store is not read as if it were the snapshot, nor an origin while it is merged", () => {
  const metadata = groupOf([
    linearLv("origin", "pv0"),
    linearLv("snap", "pv0", 10),
    otherLv("snapshot0", "snapshot", { origin: "origin", cow_store: "snap" }, []),
    linearLv("merged", "pv0", 20),
    linearLv("old", "pv0", 30),
    otherLv("snapshot1", "snapshot", { origin: "merged", merging_store: "old" }, []),
  ]);
  const [group] = assembleVolumeGroups([pvOf("uuid-0", "/dev/a", metadata), pvOf("uuid-1", "/dev/b")]);
  expect(group?.logicalVolumes.filter(({ open }) => open !== undefined).map(({ name }) => name)).toEqual(["origin"]);
});

test("extents that a PV doesn't have can't be opened", () => {
  const [group] = assembleVolumeGroups([pvOf("uuid-0", "/dev/a", groupOf([linearLv("lv", "pv0", 97)]))]);
  expect(group?.logicalVolumes[0]?.open).toBeUndefined();
});
