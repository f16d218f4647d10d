import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { lvmCrc32 } from "../../../src/core/binary/checksums.ts";
import { memorySource, window } from "../../../src/core/binary/source.ts";
import type { Source } from "../../../src/core/binary/source.ts";
import { MkinitrdError } from "../../../src/core/errors.ts";
import { discover } from "../../../src/core/volumes/discover.ts";
import { EVERY_FORMAT } from "../../../src/core/volumes/every-format.ts";
import type { BlockDevice, Volume } from "../../../src/core/volumes/types.ts";
import { fixture, fixtureBytes, fixtureJson } from "../../fixtures/fixture.ts";
import { lvmReports } from "../../fixtures/lvm2/reports.ts";

function deviceOf(path: string, source: Source, more: Partial<BlockDevice> = {}): BlockDevice {
  return { path, source, logicalBlockBytes: 512, ...more };
}

const disk = async (path: string, name: string, more: Partial<BlockDevice> = {}) => deviceOf(path, await fixture(name), more);

/** What a test looks at, one line a volume. */
const summary = (volumes: Volume[]) => volumes.map(({ content, layer, name, path }) => [name, layer, path, content?.type]);

/** sgdisk's disk of three partitions with filesystems in them, without an image of its own. */
function partitionedDisk(): Buffer {
  const bytes = fixtureBytes("gpt/three-partitions.img.gz");
  fixtureBytes("fs/fat12-none.img.gz").copy(bytes, 64 * 512, 0, 16384);
  fixtureBytes("fs/swap.img.gz").copy(bytes, 1088 * 512, 0, 8192);
  return bytes;
}

test("a disk with the partition table of another kind of machine says so, where nothing else is on it", async () => {
  expect(await discover([await disk("/dev/sda", "rarer/sun.img.gz")], EVERY_FORMAT)).toMatchObject([{ layer: "disk", otherTable: "sun" }]);
  const [iso] = await discover([await disk("hybrid.iso", "rarer/hfsplus.img.gz")], EVERY_FORMAT);
  expect(iso).toMatchObject({ content: { type: "hfsplus" } });
  expect(iso).not.toHaveProperty("otherTable");
});

test("what is left at a disk's end hides no partitions that the backup of their table lists", async () => {
  const bytes = partitionedDisk();
  bytes.fill(0, 512, 34 * 512); // the primary
  bytes.write("\xf0\x16\x78\x5a", 9 * 512 + 32, "latin1"); // HighPoint's
  const volumes = await discover([deviceOf("disk.img", memorySource(bytes, "disk.img"))]);
  expect(summary(volumes).map(([name]) => name)).toEqual(["disk.img", "disk.img:1", "disk.img:2", "disk.img:5"]);
});

describe("partitions", () => {
  const { partitions } = fixtureJson<{ partitiontable: { partitions: { uuid: string; start: number; size: number }[] } }>(
    "gpt/three-partitions.sfdisk.json").partitiontable;

  test("of an image are windows named by their number", async () => {
    const volumes = await discover([deviceOf("disk.img", memorySource(partitionedDisk(), "disk.img"))]);
    expect(summary(volumes)).toEqual([
      ["disk.img", "disk", "disk.img", undefined],
      ["disk.img:1", "partition", undefined, "vfat"],
      ["disk.img:2", "partition", undefined, "swap"],
      ["disk.img:5", "partition", undefined, undefined],
    ]);
    expect(volumes[1]).toMatchObject({
      parent: "disk.img",
      sizeBytes: partitions[0]!.size * 512,
      content: { uuid: "0000-0001" },
      partition: { number: 1, partUuid: partitions[0]!.uuid.toLowerCase(), partLabel: "EFI system" },
    });
  });

  test("that the kernel made are matched to their entries by where they start", async () => {
    const source = memorySource(partitionedDisk(), "/dev/vda");
    const kernels = partitions.slice(0, 2).map(({ size, start }, index) => deviceOf(`/dev/vda${index + 1}`,
      window(source, start * 512, size * 512), { partitionOf: { disk: "/dev/vda", startSector: start } }));
    const volumes = await discover([...kernels, deviceOf("/dev/vda", source, { serial: "S1" })]);
    expect(summary(volumes)).toEqual([
      ["/dev/vda1", "partition", "/dev/vda1", "vfat"],
      ["/dev/vda2", "partition", "/dev/vda2", "swap"],
      ["/dev/vda", "disk", "/dev/vda", undefined],
    ]);
    expect(volumes[1]).toMatchObject({ parent: "/dev/vda", partition: { number: 2, partUuid: partitions[1]!.uuid.toLowerCase() } });
    expect(volumes[2]).toMatchObject({ serial: "S1" });
  });

  test("are probed though the table of their disk can't be read", async () => {
    const source = memorySource(partitionedDisk().fill(0, 512, 1024).fill(0, 2 * 1024 * 1024 - 512), "/dev/vda");
    const partition = deviceOf("/dev/vda2", window(source, 1088 * 512, 8192), { partitionOf: { disk: "/dev/vda", startSector: 1088 } });
    const volumes = await discover([deviceOf("/dev/vda", source), partition]);
    expect(volumes[0]?.damage).toMatch(/reading the partition table/);
    expect(volumes[1]).toMatchObject({ content: { type: "swap" } });
    expect(volumes[1]?.partition).toBeUndefined();
  });

  test("of a backup table at the end of a disk that has since become a filesystem are none", async () => {
    const bytes = fixtureBytes("gpt/three-partitions.img.gz");
    fixtureBytes("fs/ext4.img.gz").copy(bytes, 0, 0, 128 * 1024);
    const volumes = await discover([deviceOf("/dev/vda", memorySource(bytes, "/dev/vda"))]);
    expect(summary(volumes)).toEqual([["/dev/vda", "disk", "/dev/vda", "ext4"]]);
  });
});

describe("logical volumes", () => {
  const { lvs, pvs, vg } = lvmReports("vg-one");
  const uuidOf = (name: string) => lvs.find(({ lv_name }) => lv_name === name)!.lv_uuid;
  const dmUuid = (name: string) => `LVM-${vg.vg_uuid}${uuidOf(name)}`.replaceAll(/(?<!^LVM)-/g, "");

  test("that are not active are found with their content", async () => {
    const volumes = await discover([await disk("/dev/vdb", "lvm2/group-b.img.gz"), await disk("/dev/vda", "lvm2/group-a.img.gz")]);
    expect(summary(volumes).slice(0, 2)).toEqual([
      ["/dev/vdb", "disk", "/dev/vdb", "LVM2_member"],
      ["/dev/vda", "disk", "/dev/vda", "LVM2_member"],
    ]);
    expect(summary(volumes).slice(2).sort()).toEqual([
      ["vg-one/my-data.1+x", "lv", undefined, undefined],
      ["vg-one/root", "lv", undefined, "ext4"],
      ["vg-one/str", "lv", undefined, undefined],
    ]);
    expect(volumes.find(({ name }) => name === "vg-one/root")).toMatchObject({
      sizeBytes: 1024 * 1024,
      content: { label: "lvroot", uuid: "aaaaaaaa-bbbb-4ccc-8ddd-000000000100" },
      lv: { vg: "vg-one", vgUuid: vg.vg_uuid, lv: "root", lvUuid: uuidOf("root"), active: false, missingPvs: [] },
    });
  });

  test("that are active are the devices that LVM made for them", async () => {
    const active = deviceOf("/dev/dm-0", await fixture("fs/swap.img.gz"), { dm: { name: "vg--one-root", uuid: dmUuid("root") } });
    const volumes = await discover([active, await disk("/dev/vda", "lvm2/group-a.img.gz"), await disk("/dev/vdb", "lvm2/group-b.img.gz")]);
    expect(volumes.filter(({ lv }) => lv?.lv === "root")).toMatchObject([
      { name: "vg-one/root", layer: "lv", path: "/dev/dm-0", content: { type: "swap" }, lv: { active: true, vgUuid: vg.vg_uuid, lvUuid: uuidOf("root") } },
    ]);
    expect(volumes[0]?.name).toBe("vg-one/root");
  });

  test("that are active keep their names when their disks are gone", async () => {
    const dm = { name: "vg--one-my--data.1+x", uuid: dmUuid("my-data.1+x") };
    const [volume] = await discover([deviceOf("/dev/dm-0", memorySource(Buffer.alloc(65536)), { dm })]);
    expect(volume).toMatchObject({ name: "vg-one/my-data.1+x", lv: { vgUuid: vg.vg_uuid, lvUuid: uuidOf("my-data.1+x"), active: true } });
  });

  test("that LVM uses below others are not shown", async () => {
    const dm = { name: "vg--one-pool-tpool", uuid: `${dmUuid("root")}-tpool` };
    expect(await discover([deviceOf("/dev/dm-0", memorySource(Buffer.alloc(65536)), { dm })])).toEqual([]);
  });

  test("with a missing PV are listed with what is missing", async () => {
    const volumes = await discover([await disk("/dev/vda", "lvm2/group-a.img.gz")]);
    const missing = pvs.find(({ pv_name }) => pv_name === "group-b.img")!.pv_uuid;
    expect(volumes.find(({ name }) => name === "vg-one/root")).toMatchObject({ lv: { active: false, missingPvs: [missing] } });
  });

  test("in an opened LUKS volume are found, and a PV seen through a mapping and below it is taken from the mapping", async () => {
    const dm = { name: "cryptlvm", uuid: "CRYPT-LUKS2-4b947d2630b64d0fa5b7b933b5913f77-cryptlvm" };
    const volumes = await discover([
      await disk("/dev/vda", "lvm2/two-areas.img.gz"),
      await disk("/dev/dm-0", "lvm2/two-areas.img.gz", { dm }),
    ]);
    expect(summary(volumes)).toEqual([
      ["/dev/vda", "disk", "/dev/vda", "LVM2_member"],
      ["/dev/mapper/cryptlvm", "mapping", "/dev/dm-0", "LVM2_member"],
      ["vgtwo/only", "lv", undefined, undefined],
    ]);
  });
});

test("damage on one device, or a device that can't be read, hides no other", async () => {
  const broken: Source = {
    name: "/dev/vdz",
    sizeBytes: 1024 * 1024,
    async read(): Promise<Buffer> {
      throw new MkinitrdError({ tried: "reading", on: "/dev/vdz", found: "the device reports an I/O error" });
    },
  };
  const volumes = await discover([
    deviceOf("/dev/vdz", broken),
    deviceOf("/dev/vda", await fixture("fs/xfs.img.gz", { flip: 40 })),
    await disk("/dev/vdb", "fs/ext4.img.gz"),
  ]);
  expect(volumes.map(({ content, damage }) => [content?.type, damage?.split("\n")[0]])).toEqual([
    [undefined, expect.stringMatching(/I\/O error/)],
    [undefined, expect.stringMatching(/superblock's CRC/)],
    ["ext4", undefined],
  ]);
});

test("of a group with more volumes than anybody has, the first are looked into and the others are listed", async () => {
  const lv = (n: number) => `lv${n} { id = "x${n}" status = ["VISIBLE"] segment_count = 1 segment1 {
    start_extent = 0 extent_count = 1 type = "striped" stripe_count = 1 stripes = ["pv0", 0] } }`;
  const uuid = lvmReports("vgtwo").pvs[0]!.pv_uuid;
  const text = `contents = "Text Format Volume Group" version = 1 vgtwo { id = "u" seqno = 99 extent_size = 128
    physical_volumes { pv0 { id = "${uuid}" pe_start = 2048 pe_count = 40 } }
    logical_volumes { ${Array.from({ length: 2000 }, (_, n) => lv(n)).join("\n")} } }`;
  const volumes = await discover([deviceOf("/dev/vda", withMetadata(text))]);
  expect(volumes).toHaveLength(2001);
  expect(volumes[1024]?.damage).toBeUndefined();
  expect(volumes[1025]?.damage).toMatch(/not looked into/);
});

/** The disk of two metadata areas with another text in the first, under right checksums. */
function withMetadata(text: string): Source {
  const bytes = fixtureBytes("lvm2/two-areas.img.gz");
  const start = 4096;
  const written = Buffer.from(`${text}\0`);
  written.copy(bytes, start + 512);
  const header = bytes.subarray(start, start + 512);
  header.writeBigUInt64LE(512n, 40);
  header.writeBigUInt64LE(BigInt(written.length), 48);
  header.writeUInt32LE(lvmCrc32(written), 56);
  header.writeUInt32LE(lvmCrc32(header.subarray(4)), 0);
  return memorySource(bytes, "two-areas.img");
}

test("whatever the metadata says, under right checksums, discovery gives volumes and no error", async () => {
  const bytes = fixtureBytes("lvm2/group-a.img.gz");
  const at = 4096 + Number(bytes.readBigUInt64LE(4096 + 40));
  const text = bytes.toString("utf8", at, at + Number(bytes.readBigUInt64LE(4096 + 48))).replace(/\0+$/, "");
  const edit = fc.record({ at: fc.nat({ max: text.length - 1 }), remove: fc.nat({ max: 3 }), insert: fc.constantFrom("", "9", "-1", "{", "}", '"', "[", "lv", " = ", "#") });
  await fc.assert(fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
    const edited = edits.reduce((now, { at: where, insert, remove }) => now.slice(0, where) + insert + now.slice(where + remove), text);
    const volumes = await discover([deviceOf("/dev/vda", withMetadata(edited))]);
    expect(volumes[0]).toMatchObject({ path: "/dev/vda", content: { type: "LVM2_member" } });
  }), { numRuns: 300 });
});

test("no devices give no volumes", async () => {
  expect(await discover([])).toEqual([]);
});
