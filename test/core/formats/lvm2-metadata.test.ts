import { expect, test } from "vitest";
import { parseVolumeGroup } from "../../../src/core/formats/lvm2-metadata.ts";

/** A group of two PVs and one LV; `change` rewrites its text. */
function groupText(change: (text: string) => string = (text) => text): string {
  return change(`contents = "Text Format Volume Group"
version = 1
vg0 {
  id = "d8dctf-nP1W-8Ggk-TBAj-peqZ-vZbG-iJMoRL"
  seqno = 7
  status = ["RESIZEABLE", "READ", "WRITE"]
  extent_size = 128
  physical_volumes {
    pv0 { id = "wSElH0-Tr47-iDFU-MCoD-9vCl-SwWu-sCLJe0" flags = ["MISSING"] pe_start = 2048 pe_count = 48 }
    pv1 { id = "MXLGIJ-hfBt-tuqa-QSxP-5IaU-K4q9-iXL3kS" pe_start = 2048 pe_count = 48 }
  }
  logical_volumes {
    lv {
      id = "AJskSR-1Kff-45V1-OovY-l4bk-Xgh3-rfArpH"
      status = ["READ", "WRITE", "VISIBLE"]
      segment_count = 2
      segment1 {
        start_extent = 0 extent_count = 6 type = "striped" stripe_count = 2 stripe_size = 16
        stripes = ["pv0", 5, "pv1", 0]
      }
      segment2 { start_extent = 6 extent_count = 2 type = "raid1" raids = ["a_rimage_0", "a_rimage_1"] }
    }
  }
}`);
}

test("a group is read, and segments of other types keep their values", () => {
  expect(parseVolumeGroup(groupText(), "disk")).toEqual({
    id: "d8dctf-nP1W-8Ggk-TBAj-peqZ-vZbG-iJMoRL",
    name: "vg0",
    seqno: 7,
    extentSectors: 128,
    status: ["RESIZEABLE", "READ", "WRITE"],
    flags: [],
    physicalVolumes: [
      { name: "pv0", id: "wSElH0-Tr47-iDFU-MCoD-9vCl-SwWu-sCLJe0", peStartSector: 2048, peCount: 48, flags: ["MISSING"] },
      { name: "pv1", id: "MXLGIJ-hfBt-tuqa-QSxP-5IaU-K4q9-iXL3kS", peStartSector: 2048, peCount: 48, flags: [] },
    ],
    logicalVolumes: [{
      name: "lv",
      id: "AJskSR-1Kff-45V1-OovY-l4bk-Xgh3-rfArpH",
      status: ["READ", "WRITE", "VISIBLE"],
      flags: [],
      segments: [
        {
          type: "striped",
          startExtent: 0,
          extentCount: 6,
          stripeCount: 2,
          stripeSizeSectors: 16,
          stripes: [{ pv: "pv0", startExtent: 5 }, { pv: "pv1", startExtent: 0 }],
        },
        {
          type: "other",
          segmentType: "raid1",
          startExtent: 6,
          extentCount: 2,
          values: { start_extent: 6, extent_count: 2, type: "raid1", raids: ["a_rimage_0", "a_rimage_1"] },
        },
      ],
    }],
  });
});

test("a group without logical volumes is one", () => {
  const text = groupText((whole) => `${whole.slice(0, whole.indexOf("logical_volumes"))}}`);
  expect(parseVolumeGroup(text, "disk").logicalVolumes).toEqual([]);
});

test.each([
  { what: "another kind of text", from: "Text Format", to: "Other", found: /contents is "Other Volume Group" of version 1/ },
  { what: "another version", from: "version = 1", to: "version = 2", found: /of version 2/ },
  { what: "no group", from: "vg0 {", to: "vg0 = [] #", found: /line|brace|no section of a volume group/ },
  { what: "an extent size of zero", from: "extent_size = 128", to: "extent_size = 0", found: /extent_size is 0/ },
  { what: "a negative number", from: "seqno = 7", to: "seqno = -7", found: /in "vg0", seqno is no whole number from 0/ },
  { what: "a missing key", from: "pe_count = 48 }", to: "}", found: /in "pv0", pe_count is missing/ },
  { what: "a string for a number", from: "seqno = 7", to: 'seqno = "7"', found: /seqno is no whole number/ },
  { what: "a number for a string", from: 'type = "raid1"', to: "type = 1", found: /in "segment2", type is no string/ },
  { what: "a missing segment", from: "segment2 {", to: "segment3 {", found: /in "lv", "segment2" is missing/ },
  { what: "a gap between segments", from: "start_extent = 6", to: "start_extent = 7", found: /segment2 has 2 extents from 7 on, 6 was next/ },
  { what: "an empty segment", from: "extent_count = 2", to: "extent_count = 0", found: /segment2 has 0 extents/ },
  { what: "fewer stripes than counted", from: ', "pv1", 0]', to: "]", found: /stripe_count is 2, stripes lists 1/ },
  { what: "stripes of another shape", from: '"pv0", 5', to: '5, "pv0"', found: /stripes is no list of names and extents/ },
  { what: "a stripe size of zero", from: "stripe_size = 16", to: "stripe_size = 0", found: /stripe_size is 0/ },
  { what: "extents that stripes can't share", from: "extent_count = 6", to: "extent_count = 7", found: /7 extents can't be shared by 2 stripes/ },
  { what: "a PV larger than any disk", from: "pe_count = 48", to: "pe_count = 9007199254740991", found: /"pv0" has 9007199254740991 extents of 128 sectors/ },
  { what: "an LV larger than any disk", from: "extent_count = 2", to: "extent_count = 9007199254740000", found: /"lv" has 9007199254740006 extents/ },
])("$what is refused", ({ from, to, found }) => {
  expect(() => parseVolumeGroup(groupText((text) => text.replace(from, to)), "disk")).toThrow(found);
});

test("a count of segments beyond reason ends at the first that is missing", () => {
  const text = groupText((whole) => whole.replace("segment_count = 2", "segment_count = 9007199254740991"));
  expect(() => parseVolumeGroup(text, "disk")).toThrow(/"segment3" is missing/);
});
