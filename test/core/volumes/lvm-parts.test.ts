import { describe, expect, test } from "vitest";
import type { LogicalVolumeEntry, Segment, VolumeGroupMetadata } from "../../../src/core/formats/lvm2-metadata.ts";
import { mappingPlanner } from "../../../src/core/volumes/lvm-mappings.ts";
import { isPartOfLv } from "../../../src/core/volumes/lvm-names.ts";
import { healthChecker, visibility } from "../../../src/core/volumes/lvm-parts.ts";

const linear = (pv: string): Segment => ({ type: "striped", startExtent: 0, extentCount: 4, stripeCount: 1, stripeSizeSectors: 0, stripes: [{ pv, startExtent: 0 }] });
const other = (segmentType: string, values: Record<string, string | string[]> = {}): Segment => ({ type: "other", segmentType, startExtent: 0, extentCount: 4, values: { type: segmentType, ...values } });
const lv = (name: string, ...segments: Segment[]): LogicalVolumeEntry => ({ name, id: `id-${name}`, status: [], flags: [], segments });

function group(logicalVolumes: LogicalVolumeEntry[], name = "vg"): VolumeGroupMetadata {
  const physicalVolumes = [0, 1, 2, 3].map((n) => ({ name: `pv${n}`, id: `uuid-${n}`, peStartSector: 16, peCount: 100, flags: [] }));
  return { id: "vg-uuid", name, seqno: 1, extentSectors: 8, status: [], flags: [], physicalVolumes, logicalVolumes };
}

/** An LV of RAID legs, one on each PV, as LVM names them. */
function raid(type: string, legs: number): LogicalVolumeEntry[] {
  const indices = Array.from({ length: legs }, (_, n) => n);
  return [
    lv("r", other(type, { raids: indices.flatMap((n) => [`r_rmeta_${n}`, `r_rimage_${n}`]) })),
    ...indices.flatMap((n) => [lv(`r_rmeta_${n}`, linear(`pv${n}`)), lv(`r_rimage_${n}`, linear(`pv${n}`))]),
  ];
}

/** What each type withstands: lvmraid(7), "RAID Types". */
describe.each([
  { type: "raid1", legs: 2, missing: ["pv1"], health: "degraded" },
  { type: "raid1", legs: 2, missing: ["pv0", "pv1"], health: "gone" },
  { type: "raid1", legs: 3, missing: ["pv0", "pv2"], health: "degraded" },
  { type: "raid4", legs: 3, missing: ["pv2"], health: "degraded" },
  { type: "raid5", legs: 3, missing: ["pv1"], health: "degraded" },
  { type: "raid5_ls", legs: 3, missing: ["pv0", "pv1"], health: "gone" },
  { type: "raid6_zr", legs: 4, missing: ["pv0", "pv3"], health: "degraded" },
  { type: "raid6", legs: 4, missing: ["pv0", "pv1", "pv2"], health: "gone" },
  { type: "raid10", legs: 4, missing: ["pv0", "pv2"], health: "degraded" },
  { type: "raid10", legs: 4, missing: ["pv2", "pv3"], health: "gone" }, // both copies of the same half
  { type: "raid10_near", legs: 4, missing: [], health: "whole" },
])("a $type of $legs legs without $missing", ({ health, legs, missing, type }) => {
  test(`is ${health}`, () => expect(healthChecker(group(raid(type, legs)), new Set(missing))("r")).toBe(health));
});

test("a leg whose metadata alone is lost is a lost leg", () => {
  const entries = raid("raid1", 2).map((entry) => (entry.name === "r_rmeta_0" ? lv("r_rmeta_0", linear("pv3")) : entry));
  expect(healthChecker(group(entries), new Set(["pv3"]))("r")).toBe("degraded");
  expect(healthChecker(group(entries), new Set(["pv3", "pv1"]))("r")).toBe("gone");
});

test.each([
  { what: "a thin volume, by its pool's data", name: "t", entries: [lv("t", other("thin", { thin_pool: "p" })), lv("p", other("thin-pool", { metadata: "p_tmeta", pool: "p_tdata" })), lv("p_tmeta", linear("pv1")), ...raid("raid1", 2).map((entry) => (entry.name === "r" ? { ...entry, name: "p_tdata" } : entry))], missing: ["pv0"], health: "degraded" },
  { what: "a cached volume without its cache", name: "c", entries: [lv("c", other("cache", { cache_pool: "pool", origin: "c_corig" })), lv("c_corig", linear("pv0")), lv("pool", other("cache-pool+METADATA_FORMAT", { data: "pool_cdata", metadata: "pool_cmeta" })), lv("pool_cdata", linear("pv1")), lv("pool_cmeta", linear("pv0"))], missing: ["pv1"], health: "gone" },
  { what: "a snapshot without its origin", name: "s", entries: [lv("s", linear("pv1")), lv("o", linear("pv0")), lv("snapshot0", other("snapshot", { origin: "o", cow_store: "s" }))], missing: ["pv0"], health: "gone" },
  { what: "an origin without the store of its snapshot", name: "o", entries: [lv("s", linear("pv1")), lv("o", linear("pv0")), lv("snapshot0", other("snapshot", { origin: "o", cow_store: "s" }))], missing: ["pv1"], health: "whole" },
  { what: "a mirror, which LVM starts only as partial", name: "m", entries: [lv("m", other("mirror", { mirrors: ["m_mimage_0", "m_mimage_1"] })), lv("m_mimage_0", linear("pv0")), lv("m_mimage_1", linear("pv1"))], missing: ["pv1"], health: "gone" },
  { what: "what repair has replaced by an error", name: "e", entries: [lv("e", other("error"))], missing: ["pv0"], health: "gone" },
  { what: "a volume that lies on itself", name: "l", entries: [lv("l", other("raid1", { raids: ["l", "l"] }))], missing: ["pv0"], health: "gone" },
])("$what is $health", ({ entries, health, missing, name }) => {
  expect(healthChecker(group(entries), new Set(missing))(name)).toBe(health);
});

test("a made-up stack of any depth is answered, and is no volume to start", () => {
  const entries = Array.from({ length: 50_000 }, (_, n) => lv(`l${n}`, linear(n === 0 ? "pv0" : `l${n - 1}`)));
  expect(healthChecker(group(entries), new Set(["pv1"]))("l49999")).toBe("gone");
  expect(mappingPlanner(group(entries))("l49999").at(-1)).toBe("vg-l49999");
});

test("the names of the devices are LVM's: dashes doubled, layers under thin volumes and snapshots, lower ones first", () => {
  const thin = [lv("th-in", other("thin", { thin_pool: "pool" })), lv("pool", other("thin-pool", { metadata: "pool_tmeta", pool: "pool_tdata" })), lv("pool_tmeta", linear("pv0")), lv("pool_tdata", linear("pv0")), lv("unneeded", linear("pv0"))];
  const names = mappingPlanner(group(thin, "vg-a"))("th-in");
  expect(names.slice().sort()).toEqual(["vg--a-pool", "vg--a-pool-tpool", "vg--a-pool_tdata", "vg--a-pool_tmeta", "vg--a-th--in"]);
  expect(names.indexOf("vg--a-pool_tdata")).toBeLessThan(names.indexOf("vg--a-pool-tpool"));
  expect(names.at(-1)).toBe("vg--a-th--in");
  const snapshots = [lv("s", linear("pv1")), lv("o", linear("pv0")), lv("snapshot0", other("snapshot", { origin: "o", cow_store: "s" }))];
  for (const name of ["s", "o"]) expect(mappingPlanner(group(snapshots))(name).sort()).toEqual(["vg-o", "vg-o-real", "vg-s", "vg-s-cow"]);
});

test("a person sees a snapshot by the name of its store, and not the entry that joins it with its origin", () => {
  const entries = [lv("s", linear("pv1")), { ...lv("o", linear("pv0")), status: ["VISIBLE"] }, { ...lv("snapshot0", other("snapshot", { origin: "o", cow_store: "s" })), status: ["VISIBLE"] }];
  expect(entries.filter(visibility(group(entries))).map(({ name }) => name)).toEqual(["s", "o"]);
});

test("a name that LVM would not have is no name of a device to close", () => {
  expect(mappingPlanner(group([lv("a/../b", linear("pv0"))]))("a/../b")).toEqual([]);
});

const ID = "A".repeat(64);
test.each([
  { name: "vg-root", uuid: `LVM-${ID}`, part: false },
  { name: "vg-root_rimage_0", uuid: `LVM-${ID}`, part: true },
  { name: "vg-pool_tdata", uuid: `LVM-${ID}-tdata`, part: true },
  { name: "vg-o-real", uuid: `LVM-${ID}-real`, part: true },
  { name: "my_rimage_0", uuid: "CRYPT-LUKS2-x", part: false },
])("$name with UUID $uuid is a part of an LV: $part", ({ name, part, uuid }) => {
  expect(isPartOfLv(name, uuid)).toBe(part);
});
