import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { lvmCrc32 } from "../../../src/core/binary/checksums.ts";
import { memorySource } from "../../../src/core/binary/source.ts";
import { MkinitrdError } from "../../../src/core/errors.ts";
import { dashedUuid, probeLvm2 } from "../../../src/core/formats/lvm2.ts";
import { readMetadataArea } from "../../../src/core/formats/lvm2-area.ts";
import { fixture, fixtureBytes } from "../../fixtures/fixture.ts";
import { lvmReports } from "../../fixtures/lvm2/reports.ts";

const GROUPS = [
  { disk: "group-a", group: "vg-one", areas: 1 },
  { disk: "group-b", group: "vg-one", areas: 1 },
  { disk: "two-areas", group: "vgtwo", areas: 2 },
  { disk: "wrapped", group: "vgwrap", areas: 1 },
];
const LABEL = 512; // pvcreate puts it into the second sector
const AREA = 4096;

describe("a physical volume reads as pvs, vgs and lvs print it", () => {
  test.each(GROUPS)("$disk", async ({ disk, group, areas }) => {
    const { lvs, pvs, segments, vg } = lvmReports(group);
    const expected = pvs.find(({ pv_name }) => pv_name === `${disk}.img`)!;
    const pv = (await probeLvm2(await fixture(`lvm2/${disk}.img.gz`)))!;
    expect(pv).toMatchObject({ pvUuid: expected.pv_uuid, sizeBytes: Number(expected.dev_size), labelSector: 1, damage: [] });
    expect(pv.dataAreas).toEqual([{ offsetBytes: Number(expected.pe_start), sizeBytes: 0 }]);
    expect(pv.metadataAreas).toHaveLength(areas);

    const metadata = pv.metadata!;
    expect(metadata).toMatchObject({ name: vg.vg_name, id: vg.vg_uuid, seqno: Number(vg.vg_seqno), extentSectors: Number(vg.vg_extent_size) / 512 });
    expect(metadata.physicalVolumes.map(({ id, peCount, peStartSector }) => [id, peStartSector * 512, peCount]))
      .toEqual(pvs.map(({ pv_uuid, pe_start, pv_pe_count }) => [pv_uuid, Number(pe_start), Number(pv_pe_count)]));
    expect(metadata.logicalVolumes.map(({ id, name }) => `${name} ${id}`).sort())
      .toEqual(lvs.map(({ lv_name, lv_uuid }) => `${lv_name} ${lv_uuid}`).sort());
    for (const { name, segments: found } of metadata.logicalVolumes) {
      const printed = segments.filter(({ lv_name }) => lv_name === name);
      expect(found.map(({ startExtent, extentCount }) => [startExtent, extentCount]))
        .toEqual(printed.map(({ seg_start_pe, seg_size_pe }) => [Number(seg_start_pe), Number(seg_size_pe)]));
    }
  });
});

test("the text of the disk named wrapped goes on behind the header of its ring", async () => {
  const bytes = fixtureBytes("lvm2/wrapped.img.gz");
  const [size, offset, length] = [32, 40, 48].map((at) => Number(bytes.readBigUInt64LE(AREA + at)));
  expect(offset! + length!).toBeGreaterThan(size!);
});

test("a physical volume in no group has no metadata", async () => {
  const pv = await probeLvm2(await fixture("lvm2/orphan.img.gz"));
  expect(pv).toMatchObject({ pvUuid: "abcdef-GHIJ-klmn-OPQR-stuv-WXYZ-012345", damage: [] });
  expect(pv?.metadata).toBeUndefined();
});

test.each([
  { field: "the type", byte: 31, found: /label's CRC is 0x[0-9a-f]{8}, the label says 0x/ },
  { field: "the checksum", byte: 16, found: /label's CRC is/ },
  { field: "the PV's UUID", byte: 32, found: /label's CRC is/ },
  { field: "the sector's end", byte: 511, found: /label's CRC is/ },
  { field: "the label's own sector", byte: 8, found: /the label says that it lies in sector 254/ },
])("a changed byte in $field is refused", async ({ byte, found }) => {
  await expect(probeLvm2(await fixture("lvm2/orphan.img.gz", { flip: LABEL + byte }))).rejects.toThrow(found);
});

/** The first sectors of a disk, with bytes of the label's sector changed and the label's checksum made right again. */
function relabelled(change: (sector: Buffer) => void): { at: number; bytes: Buffer }[] {
  const sector = fixtureBytes("lvm2/orphan.img.gz").subarray(LABEL, LABEL + 512);
  change(sector);
  sector.writeUInt32LE(lvmCrc32(sector.subarray(20)), 16);
  return [{ at: LABEL, bytes: sector }];
}

test.each([
  { what: "a PV header beyond the sector", change: (sector: Buffer) => sector.writeUInt32LE(500, 20), found: /the PV header would lie at byte 500/ },
  { what: "a UUID of other characters", change: (sector: Buffer) => sector.fill(1, 32, 64), found: /the PV's UUID is "\\x01/ },
  { what: "a list of areas without an end", change: (sector: Buffer) => sector.fill(7, 72), found: /no disk has room for|a list of areas has no end/ },
  { what: "another version", change: (sector: Buffer) => sector.write("LVM2 002", 24), found: /label's type is "LVM2 002"/ },
])("$what is refused though the checksum is right", async ({ change, found }) => {
  await expect(probeLvm2(await fixture("lvm2/orphan.img.gz", { write: relabelled(change) }))).rejects.toThrow(found);
});

test("a label that was copied to another sector is passed over for the sound one", async () => {
  const copy = fixtureBytes("lvm2/orphan.img.gz").subarray(LABEL, LABEL + 512);
  expect(await probeLvm2(await fixture("lvm2/orphan.img.gz", { write: [{ at: 0, bytes: copy }] }))).toMatchObject({ labelSector: 1 });
});

test.each([
  { what: "the first area's text", byte: AREA + 512 + 20, found: /text's CRC is 0x/ },
  { what: "the first area's header", byte: AREA + 40, found: /header's CRC is 0x/ },
  { what: "the first area's magic", byte: AREA + 4, found: /the magic is/ },
])("with damage to $what the second area is used, and that is told", async ({ byte, found }) => {
  const location = fixtureBytes("lvm2/two-areas.img.gz").readBigUInt64LE(AREA + 40);
  const flip = byte === AREA + 512 + 20 ? AREA + Number(location) + 20 : byte;
  const pv = await probeLvm2(await fixture("lvm2/two-areas.img.gz", { flip }));
  expect(pv?.metadata?.name).toBe("vgtwo");
  expect(pv?.damage).toEqual([expect.stringMatching(found)]);
});

test("an area that is marked as ignored is not read", async () => {
  const bytes = fixtureBytes("lvm2/two-areas.img.gz");
  const sector = bytes.subarray(AREA, AREA + 512);
  sector.writeUInt32LE(1, 60); // flags of the first location
  sector.writeUInt32LE(lvmCrc32(sector.subarray(4)), 0);
  const broken = AREA + Number(sector.readBigUInt64LE(40)); // nobody looks at the text
  const pv = await probeLvm2(await fixture("lvm2/two-areas.img.gz", { write: [{ at: AREA, bytes: sector }], flip: broken }));
  expect(pv).toMatchObject({ metadata: { name: "vgtwo" }, damage: [] });
});

test("a text larger than its area is damage, not a read", async () => {
  const bytes = fixtureBytes("lvm2/group-a.img.gz");
  const sector = bytes.subarray(AREA, AREA + 512);
  sector.writeBigUInt64LE(2n ** 40n, 48);
  sector.writeUInt32LE(lvmCrc32(sector.subarray(4)), 0);
  const pv = await probeLvm2(await fixture("lvm2/group-a.img.gz", { write: [{ at: AREA, bytes: sector }] }));
  expect(pv?.metadata).toBeUndefined();
  expect(pv?.damage).toEqual([expect.stringMatching(/1099511627776 bytes of text at byte \d+ of an area of \d+ bytes/)]);
});

test("a disk cut short inside the metadata area is a PV without metadata, with damage", async () => {
  const pv = await probeLvm2(await fixture("lvm2/group-a.img.gz", { truncate: 8192 }));
  expect(pv?.metadata).toBeUndefined();
  expect(pv?.damage).toEqual([expect.stringMatching(/it ends at byte 8192/)]);
});

test("without a label, or in less than a sector, there is no physical volume", async () => {
  expect(await probeLvm2(await fixture("lvm2/orphan.img.gz", { flip: LABEL }))).toBeUndefined();
  expect(await probeLvm2(memorySource(Buffer.alloc(100)))).toBeUndefined();
});

test("dashes go where LVM puts them", () => {
  expect(dashedUuid("wSElH0Tr47iDFUMCoD9vClSwWusCLJe0")).toBe("wSElH0-Tr47-iDFU-MCoD-9vCl-SwWu-sCLJe0");
});

test("any changes to label and metadata give a value or our error", async () => {
  const bytes = fixtureBytes("lvm2/group-a.img.gz").subarray(0, 16384);
  const change = fc.record({ at: fc.nat({ max: bytes.length - 1 }), value: fc.nat({ max: 255 }) });
  await fc.assert(fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), async (changes) => {
    const copy = Buffer.from(bytes);
    for (const { at, value } of changes) copy[at] = value;
    // Checksums made right again, so that what is behind them is reached.
    copy.writeUInt32LE(lvmCrc32(copy.subarray(AREA + 4, AREA + 512)), AREA);
    copy.writeUInt32LE(lvmCrc32(copy.subarray(LABEL + 20, LABEL + 512)), LABEL + 16);
    try {
      await probeLvm2(memorySource(copy));
    } catch (error) {
      expect(error).toBeInstanceOf(MkinitrdError);
    }
  }), { numRuns: 500 });
});

test("a metadata area full of zeros, with one character behind them and a right checksum, is refused at once", async () => {
  const bytes = Buffer.alloc(15 * 1024 * 1024);
  const text = bytes.subarray(512);
  text.write("x", 0);
  text.write("x", text.length - 2);
  bytes.write(" LVM2 x[5A%r0N*>", 4, "latin1");
  bytes.writeUInt32LE(1, 20);
  bytes.writeBigUInt64LE(BigInt(bytes.length), 32);
  bytes.writeBigUInt64LE(512n, 40);
  bytes.writeBigUInt64LE(BigInt(text.length), 48);
  bytes.writeUInt32LE(lvmCrc32(text), 56);
  bytes.writeUInt32LE(lvmCrc32(bytes.subarray(4, 512)), 0);
  await expect(readMetadataArea(memorySource(bytes, "area"), { offsetBytes: 0, sizeBytes: bytes.length })).rejects.toThrow(MkinitrdError);
});
