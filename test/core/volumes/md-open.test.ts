import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { memorySource } from "../../../src/core/binary/source.ts";
import type { Source } from "../../../src/core/binary/source.ts";
import { probeMd } from "../../../src/core/formats/md.ts";
import type { MdMember } from "../../../src/core/formats/md-member.ts";
import { assembleArrays } from "../../../src/core/volumes/md.ts";
import type { FoundMember } from "../../../src/core/volumes/md.ts";
import { openArray } from "../../../src/core/volumes/md-open.ts";
import { fixtureBytes } from "../../fixtures/fixture.ts";

const FOLDER = new URL("../../fixtures/md/", import.meta.url);
const NAMES = readdirSync(FOLDER).flatMap((file) => /^array-(.*)\.txt$/.exec(file)?.[1] ?? []);

/** What the kernel read of an array, and its members. */
async function array(name: string): Promise<{ sum: string; sizeBytes: number; members: FoundMember[] }> {
  const [sum = "", size = "", disks = ""] = readFileSync(new URL(`array-${name}.txt`, FOLDER), "utf8").split("\n")[0]!.split(" ");
  const bytes = fixtureBytes(`md/array-${name}.img.gz`);
  const each = bytes.length / Number(disks);
  const members = await Promise.all(Array.from({ length: Number(disks) }, async (_, index) => {
    const source = memorySource(bytes.subarray(index * each, (index + 1) * each), `${name}.${index}`);
    return { path: source.name, source, member: (await probeMd(source))! };
  }));
  return { sum, sizeBytes: Number(size), members };
}

const open = (members: FoundMember[]) => assembleArrays(members, openArray)[0]!.open!();
const sumOf = async (source: Source) => createHash("sha256").update(await source.read(0, source.sizeBytes)).digest("hex");
const sets = (count: number, most: number): number[][] => {
  const singles = Array.from({ length: count }, (_, index) => [index]);
  return most < 2 ? singles : [...singles, ...singles.flatMap(([one]) => Array.from({ length: count - one! - 1 }, (_, index) => [one!, one! + 1 + index]))];
};

describe.each(NAMES)("the array %s that the kernel wrote", (name) => {
  const tolerated = /^(linear|raid0)/.test(name) ? 0 : /^raid6|3$/.test(name) ? 2 : 1;

  test("is read as the kernel read it", async () => {
    const { members, sizeBytes, sum } = await array(name);
    const source = open(members);
    expect([source.sizeBytes, await sumOf(source)]).toEqual([sizeBytes, sum]);
  });

  test.runIf(tolerated > 0)(`is read with any ${tolerated} of its members missing`, async () => {
    const { members, sum } = await array(name);
    for (const missing of sets(members.length, tolerated)) {
      expect([missing, await sumOf(open(members.filter((_, index) => !missing.includes(index))))]).toEqual([missing, sum]);
    }
  });

  test("is refused with too many missing, by their number", async () => {
    const { members } = await array(name);
    expect(() => open(members.slice(tolerated + 1))).toThrow(/are missing|is missing/);
  });
});

describe("an array that can't be read", () => {
  const withAll = async (name: string, more: Partial<MdMember>) => {
    const { members } = await array(name);
    return members.map((each) => ({ ...each, member: { ...each.member, ...more } }));
  };

  test.each([
    { name: "raid5-left-symmetric", more: { reshaping: true } as const, found: /it is being reshaped/ },
    { name: "raid5-left-symmetric", more: { layout: 9 }, found: /the layout is 9, which level 5 doesn't have/ },
    { name: "raid5-left-symmetric", more: { chunkSectors: 0 }, found: /its chunk has no size/ },
    { name: "raid5-left-symmetric", more: { level: 7 }, found: /the level is 7; known: linear, 0, 1/ },
    { name: "raid10-n2", more: { layout: 0 }, found: /the layout is 0x0: 0 near and 0 far copies/ },
    { name: "raid10-n2", more: { layout: 0x60102 }, found: /sets 3/ },
    { name: "raid10-n2", more: { recovering: true } as const, found: /no member is there that is whole/ },
    { name: "raid0", more: { dataStartBytes: 2 ** 40 }, found: /it ends at byte/ },
  ])("$name with $more says why", async ({ found, more, name }) => {
    const members = await withAll(name, more);
    expect(() => open(members)).toThrow(found);
  });

  test("raid0 on members of different sizes says so", async () => {
    const { members } = await array("raid0");
    const shorter = members.map((each, index) => (index === 0 ? { ...each, member: { ...each.member, dataBytes: each.member.dataBytes - 65536 } } : each));
    expect(() => open(shorter)).toThrow("its members differ in size");
  });
});
