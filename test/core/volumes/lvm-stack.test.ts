import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { memorySource, window } from "../../../src/core/binary/source.ts";
import type { Source } from "../../../src/core/binary/source.ts";
import { tableLines } from "../../../src/core/dm/table-text.ts";
import type { LogicalVolumeEntry, Segment, VolumeGroupMetadata } from "../../../src/core/formats/lvm2-metadata.ts";
import type { LvPlan, Unplanned } from "../../../src/core/volumes/lvm-targets.ts";
import { stackPlanner } from "../../../src/core/volumes/lvm-stack.ts";
import { fixture } from "../../fixtures/fixture.ts";

const said = (name: string, device: string) =>
  new RegExp(`^${device === "" ? "" : `${device} `}([0-9a-f]{64})$`, "m").exec(readFileSync(new URL(`../../fixtures/dm/${name}.txt`, import.meta.url), "utf8"))![1];
const sumOf = async (source: Source) => createHash("sha256").update(await source.read(0, source.sizeBytes)).digest("hex");

/** Extents of 32 KiB; each device is a PV of its own, from its first byte on. */
const EXTENT_SECTORS = 64;
const extents = (bytes: number) => bytes / 512 / EXTENT_SECTORS;

function group(devices: Record<string, Source>, logicalVolumes: LogicalVolumeEntry[]) {
  const physicalVolumes = Object.entries(devices).map(([name, { sizeBytes }]) => ({ name, id: name, peStartSector: 0, peCount: extents(sizeBytes), flags: [] }));
  const metadata: VolumeGroupMetadata = { id: "vg", name: "vg-0", seqno: 1, extentSectors: EXTENT_SECTORS, status: [], flags: [], physicalVolumes, logicalVolumes };
  const present = new Map(Object.entries(devices).map(([path, source]) => [path, { path, source }]));
  const planner = (without: string[] = []) => stackPlanner(metadata, new Map([...present].filter(([name]) => !without.includes(name))));
  const entry = (name: string) => logicalVolumes.find((lv) => lv.name === name)!;
  return {
    open: (name: string, without: string[] = []) => whole(planner(without)(entry(name)))?.open(),
    unplanned: (name: string, without: string[] = []) => planner(without)(entry(name)) as Unplanned,
    tables: (name: string) => whole(planner()(entry(name)))?.tables?.flatMap((table) => tableLines(table.targets, { name: table.name })),
  };
}

const whole = (plan: LvPlan | Unplanned | undefined) => (plan !== undefined && "targets" in plan ? plan : undefined);
const lv = (name: string, segment: Segment, status = ["READ", "WRITE"]): LogicalVolumeEntry => ({ name, id: name, status, flags: [], segments: [segment] });
const linear = (name: string, pv: string, { sizeBytes }: Source, status?: string[]) =>
  lv(name, { type: "striped", startExtent: 0, extentCount: extents(sizeBytes), stripeCount: 1, stripeSizeSectors: 0, stripes: [{ pv, startExtent: 0 }] }, status);
const other = (segmentType: string, bytes: number, values: Record<string, string | number | (string | number)[]>): Segment => ({ type: "other", segmentType, startExtent: 0, extentCount: extents(bytes), values });

test("a thin volume is read through pool, data and metadata, each with LVM's name", async () => {
  const devices = { pv0: await fixture("dm/thin.meta.img.gz"), pv1: await fixture("dm/thin.data.img.gz") };
  const { open, tables } = group(devices, [
    lv("pool", other("thin-pool", devices.pv1.sizeBytes, { metadata: "pool_tmeta", pool: "pool_tdata", chunk_size: 128, zero_new_blocks: 1, discards: "passdown" })),
    linear("pool_tmeta", "pv0", devices.pv0), linear("pool_tdata", "pv1", devices.pv1),
    lv("th", other("thin", 40960 * 512, { thin_pool: "pool", device_id: 3 })),
  ]);
  expect(tables("th")).toEqual([
    "vg--0-pool_tmeta: 0 4096 linear pv0 0",
    "vg--0-pool_tdata: 0 65536 linear pv1 0",
    "vg--0-pool-tpool: 0 65536 thin-pool /dev/mapper/vg--0-pool_tmeta /dev/mapper/vg--0-pool_tdata 128 0 0",
    "vg--0-th: 0 40960 thin /dev/mapper/vg--0-pool-tpool 3",
  ]);
  expect(tables("pool")?.at(-1)).toBe("vg--0-pool: 0 65536 linear /dev/mapper/vg--0-pool-tpool 0");
  expect(await sumOf(open("th")!)).toBe(said("thin", "thin3"));
  expect(open("th", ["pv0"])).toBeUndefined();
});

describe("a snapshot", async () => {
  const devices = { pv0: await fixture("dm/snapshot.origin.img.gz"), pv1: await fixture("dm/snapshot.cow.img.gz") };
  const joined = (values: Record<string, string | number>) => group(devices, [
    linear("origin", "pv0", devices.pv0), linear("snap", "pv1", devices.pv1), lv("snapshot0", other("snapshot", devices.pv0.sizeBytes, { chunk_size: 8, ...values })),
  ]);

  test("has under the name of its store the bytes of the snapshot, and the origin its own", async () => {
    const { open, tables } = joined({ origin: "origin", cow_store: "snap" });
    expect(tables("snap")).toEqual([
      "vg--0-origin-real: 0 2048 linear pv0 0",
      "vg--0-snap-cow: 0 1024 linear pv1 0",
      "vg--0-snap: 0 2048 snapshot /dev/mapper/vg--0-origin-real /dev/mapper/vg--0-snap-cow P 8",
    ]);
    expect(tables("origin")).toEqual(["vg--0-origin-real: 0 2048 linear pv0 0", "vg--0-origin: 0 2048 snapshot-origin /dev/mapper/vg--0-origin-real"]);
    expect(await sumOf(open("snap")!)).toBe(said("snapshot", "snap"));
    expect(await sumOf(open("origin")!)).toBe(said("snapshot", "origin"));
  });

  test("that is merged into its origin is what the origin will be", async () => {
    const { open, tables } = joined({ origin: "origin", merging_store: "snap" });
    expect(tables("origin")?.at(-1)).toBe("vg--0-origin: 0 2048 snapshot-merge /dev/mapper/vg--0-origin-real /dev/mapper/vg--0-snap-cow P 8");
    expect(await sumOf(open("origin")!)).toBe(said("snapshot", "snap"));
  });
});

test("a cached volume has what only the cache has", async () => {
  const devices = { pv0: await fixture("dm/cache2.meta.img.gz"), pv1: await fixture("dm/cache2.fast.img.gz"), pv2: await fixture("dm/cache2.slow.img.gz") };
  const { open, tables } = group(devices, [
    lv("cached", other("cache", devices.pv2.sizeBytes, { cache_pool: "lvol0_cpool", origin: "cached_corig" })),
    lv("lvol0_cpool", other("cache-pool", devices.pv1.sizeBytes, { data: "lvol0_cpool_cdata", metadata: "lvol0_cpool_cmeta", chunk_size: 64, metadata_format: 2, cache_mode: "writeback", policy: "smq" })),
    linear("lvol0_cpool_cmeta", "pv0", devices.pv0), linear("lvol0_cpool_cdata", "pv1", devices.pv1), linear("cached_corig", "pv2", devices.pv2),
  ]);
  expect(tables("cached")?.at(-1)).toBe("vg--0-cached: 0 8192 cache /dev/mapper/vg--0-lvol0_cpool_cmeta /dev/mapper/vg--0-lvol0_cpool_cdata /dev/mapper/vg--0-cached_corig 64 2 metadata2 writeback smq 0");
  expect(await sumOf(open("cached")!)).toBe(said("cache2", "cached"));
});

describe("an array", async () => {
  const image = await fixture("dm/raid6-zr.img.gz");
  const legs = Array.from({ length: 5 }, (_, role) => window(image, (role * image.sizeBytes) / 5, image.sizeBytes / 5));
  const metadata = memorySource(Buffer.alloc(32 * 1024 * 5), "pvm");
  const devices = { ...Object.fromEntries(legs.map((leg, role) => [`pv${role}`, leg])), pvm: metadata };
  const volumes = (values: Record<string, string | number>, rebuilt: number[] = []) => group(devices, [
    lv("r", other("raid6", (image.sizeBytes / 5) * 3, { device_count: 5, stripe_size: 16, region_size: 64, raids: legs.flatMap((_, role) => [`r_rmeta_${role}`, `r_rimage_${role}`]), ...values })),
    ...legs.map((leg, role) => linear(`r_rimage_${role}`, `pv${role}`, leg, rebuilt.includes(role) ? ["READ", "WRITE", "REBUILD"] : undefined)),
    ...legs.map((_, role) => lv(`r_rmeta_${role}`, { type: "striped", startExtent: 0, extentCount: 1, stripeCount: 1, stripeSizeSectors: 0, stripes: [{ pv: "pvm", startExtent: role }] })),
  ]);

  test("is read without two of its PVs, and not without three", async () => {
    const { open, tables } = volumes({});
    const members = legs.map((_, role) => `/dev/mapper/vg--0-r_rmeta_${role} /dev/mapper/vg--0-r_rimage_${role}`).join(" ");
    expect(tables("r")?.at(-1)).toBe(`vg--0-r: 0 576 raid raid6_zr 3 16 region_size 64 5 ${members}`);
    for (const without of [[], ["pv0"], ["pv1", "pv4"]]) expect(await sumOf(open("r", without)!)).toBe(said("raid6-zr", ""));
    expect(() => open("r", ["pv0", "pv2", "pv3"])).toThrow("disks 0, 2, 3 of 5 are missing, 2 may be");
  });

  test("doesn't take what is still being rebuilt", async () => {
    const { open, tables } = volumes({}, [2]);
    expect(tables("r")?.at(-1)).toContain("raid6_zr 5 16 rebuild 2 region_size 64 5");
    expect(await sumOf(open("r")!)).toBe(said("raid6-zr", ""));
    expect(() => open("r", ["pv0", "pv1"])).toThrow("disks 0, 1, 2 of 5 are missing");
  });

  test("that is being reshaped is not read, and that is why", () => {
    const { open, unplanned } = volumes({ delta_disks: 1 });
    expect(open("r")).toBeUndefined();
    expect(unplanned("r")).toEqual({ refused: "it is being reshaped: what lies where depends on how far that got" });
  });
});

test("a mirror is read from the leg that is there; error and zero segments are what they say", async () => {
  const [one, two] = [memorySource(Buffer.alloc(65536, 1), "one"), memorySource(Buffer.alloc(65536, 1), "two")];
  const { open, tables } = group({ pv0: one, pv1: two }, [
    lv("m", other("mirror", 65536, { mirror_count: 2, region_size: 1024, mirrors: ["m_mimage_0", 0, "m_mimage_1", 0] })),
    linear("m_mimage_0", "pv0", one), linear("m_mimage_1", "pv1", two),
    { ...lv("mixed", other("zero", 32768, {})), segments: [other("zero", 32768, {}), { ...other("error", 32768, {}), startExtent: 1 }] },
  ]);
  expect(tables("m")?.at(-1)).toBe("vg--0-m: 0 128 mirror core 1 1024 2 /dev/mapper/vg--0-m_mimage_0 0 /dev/mapper/vg--0-m_mimage_1 0 1 handle_errors");
  expect(await open("m", ["pv0"])!.read(0, 65536)).toEqual(Buffer.alloc(65536, 1));
  expect(await open("mixed")!.read(0, 32768)).toEqual(Buffer.alloc(32768));
  await expect(open("mixed")!.read(0, 32769)).rejects.toThrow("reading sectors 64 to 64 on the target error");
});

test("what lies on itself, on a made-up stack or on what can't be, has no plan", () => {
  const deep = Array.from({ length: 100 }, (_, index) => linear(`d${index}`, `d${index + 1}`, memorySource(Buffer.alloc(32768))));
  const { open } = group({}, [
    linear("a", "b", memorySource(Buffer.alloc(32768))), linear("b", "a", memorySource(Buffer.alloc(32768))),
    ...deep, linear("d100", "d100", memorySource(Buffer.alloc(32768))),
    lv("vdo", other("vdo", 32768, { vdo_pool: "a" })), lv("thin", other("thin", 32768, { thin_pool: "vdo", device_id: 1 })),
    lv("cache", other("cache", 32768, { cache_pool: "a_cvol", origin: "a" })), lv("raid", other("raid1", 32768, { raids: [] })), lv("mirror", other("mirror", 32768, {})),
  ]);
  for (const name of ["a", "b", "d0", "vdo", "thin", "cache", "raid", "mirror"]) expect([name, open(name)]).toEqual([name, undefined]);
});

test("a cache in one volume has metadata and data where its segment says", async () => {
  const [meta, fast, slow] = [await fixture("dm/cache2.meta.img.gz"), await fixture("dm/cache2.fast.img.gz"), await fixture("dm/cache2.slow.img.gz")];
  const both = memorySource(Buffer.concat([await meta.read(0, meta.sizeBytes), await fast.read(0, fast.sizeBytes)]), "pv0");
  const [metaSectors, fastSectors] = [meta.sizeBytes / 512, fast.sizeBytes / 512];
  const cached = (values: Record<string, number>) => group({ pv0: both, pv1: slow }, [
    lv("cached", other("cache+CACHE_USES_CACHEVOL", slow.sizeBytes, {
      cache_pool: "fast_cvol", origin: "cached_corig", metadata_format: 2, chunk_size: 64, cache_mode: "writeback", policy: "smq",
      metadata_start: 0, metadata_len: metaSectors, data_start: metaSectors, data_len: fastSectors, ...values,
    })),
    linear("fast_cvol", "pv0", both), linear("cached_corig", "pv1", slow),
  ]);
  expect(cached({}).tables("cached")).toEqual([
    expect.stringMatching(/^vg--0-cached_corig: /), expect.stringMatching(/^vg--0-fast_cvol: /),
    `vg--0-fast_cvol-cmeta: 0 ${metaSectors} linear /dev/mapper/vg--0-fast_cvol 0`, `vg--0-fast_cvol-cdata: 0 ${fastSectors} linear /dev/mapper/vg--0-fast_cvol ${metaSectors}`,
    "vg--0-cached: 0 8192 cache /dev/mapper/vg--0-fast_cvol-cmeta /dev/mapper/vg--0-fast_cvol-cdata /dev/mapper/vg--0-cached_corig 64 2 metadata2 writeback smq 0",
  ]);
  expect(await sumOf(cached({}).open("cached")!)).toBe(said("cache2", "cached"));
  expect(cached({ data_len: fastSectors + 1 }).open("cached")).toBeUndefined();
});

test.each([
  ["vdo", { vdo_pool: "inner", vdo_offset: 0 }, "it is a VDO volume, compressed and deduplicated"],
  ["integrity", { origin: "inner", meta_dev: "inner" }, "it has dm-integrity below a RAID, whose journal may be newer than the data"],
  ["holographic", { origin: "inner" }, "its segment type holographic is not known"],
])("a segment of type %s is refused by its kind, also below another", (type, values, why) => {
  const pv0 = memorySource(Buffer.alloc(64 * 1024), "pv0");
  const { unplanned } = group({ pv0 }, [
    lv("odd", other(type, 32 * 1024, values)), linear("inner", "pv0", pv0),
    lv("above", { type: "striped", startExtent: 0, extentCount: 1, stripeCount: 1, stripeSizeSectors: 0, stripes: [{ pv: "odd", startExtent: 0 }] }),
  ]);
  expect(unplanned("odd")).toEqual({ refused: why });
  // What lies on one only through a raid's leg or a stripe is named with it.
  expect([{ refused: `${why} (odd)` }, { refused: why }]).toContainEqual(unplanned("above"));
});

test("what lies on a missing PV is an error of the read that names it, and the rest is read", async () => {
  const [a, b] = [memorySource(Buffer.alloc(64 * 1024, "a"), "a"), memorySource(Buffer.alloc(64 * 1024, "b"), "b")];
  const { unplanned } = group({ pv0: a, pv1: b }, [{ name: "two", id: "two", status: [], flags: [], segments: [
    { type: "striped", startExtent: 0, extentCount: 2, stripeCount: 1, stripeSizeSectors: 0, stripes: [{ pv: "pv0", startExtent: 0 }] },
    { type: "striped", startExtent: 2, extentCount: 1, stripeCount: 1, stripeSizeSectors: 0, stripes: [{ pv: "pv1", startExtent: 1 }] },
  ] }]);
  const source = unplanned("two", ["pv1"]).openPartial!();
  expect(source.sizeBytes).toBe(96 * 1024);
  expect(await source.read(65_535, 1)).toEqual(Buffer.from("a"));
  await expect(source.read(65_536, 512)).rejects.toThrow("reading on bytes 32768 to 33279 of the physical volume pv1 (pv1): it is missing");
});
