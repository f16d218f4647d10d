import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { Source } from "../../src/core/binary/source.ts";
import { probeMd } from "../../src/core/formats/md.ts";
import { assembleArrays, mdadmUuid } from "../../src/core/volumes/md.ts";
import { openArray } from "../../src/core/volumes/md-open.ts";
import { facts } from "../fixtures/md/members.ts";
import { describeCorpus } from "./corpus.ts";

interface Expected {
  detail: string;
  examine: string[];
  array: { size: number; sha256: string };
}

describeCorpus<Expected>("mdraid", (entries, image) => {
  describe.each(entries)("the array $id", ({ expect: expected, files }) => {
    const members = () => Promise.all(files.map(async ({ file }) => {
      const source = image(file);
      return { path: file, source, member: (await probeMd(source))! };
    }));

    test("has members as mdadm examines them", async () => {
      for (const [index, { member }] of (await members()).entries()) {
        const printed = facts(expected.examine[index]!);
        expect([mdadmUuid(member.uuid), `raid${member.level}`, String(member.raidDisks), String(member.events), member.metadata])
          .toEqual([(printed["Array UUID"] ?? printed.UUID)!.split(" ")[0], printed["Raid Level"], printed["Raid Devices"], printed.Events, printed.Version!.replace(".00", "")]);
        if (printed["Device Role"]) expect(`Active device ${member.roles[member.deviceNumber]}`).toBe(printed["Device Role"]);
        if (printed["Data Offset"]) expect(member.dataStartBytes).toBe(Number.parseInt(printed["Data Offset"], 10) * 512);
      }
    });

    test("is joined as mdadm says of it, and each member is needed", async () => {
      const detail = Object.fromEntries(expected.detail.trim().split("\n").map((line) => line.split("=")));
      const [array, ...rest] = assembleArrays(await members());
      expect(rest).toEqual([]);
      expect(array!.ref).toMatchObject({ level: detail.MD_LEVEL, devices: Number(detail.MD_DEVICES), metadata: detail.MD_METADATA, missing: [], failed: 0, startable: true });
      expect(mdadmUuid(array!.ref.uuid)).toBe(detail.MD_UUID);
      expect(array!.ref.name).toBe(detail.MD_NAME);
      for (const left of files.keys()) {
        expect(assembleArrays((await members()).toSpliced(left, 1))[0]!.ref.missing).toHaveLength(1);
      }
    });

    test.skipIf(!expected.detail.includes("MD_LEVEL=raid1\n"))("holds on each member the bytes that the kernel read", async () => {
      for (const member of await members()) {
        const alone = assembleArrays([member])[0]!.open!();
        expect(await sumOf(alone)).toEqual([expected.array.size, expected.array.sha256]);
      }
    });

    test("holds the bytes that the kernel read, without any of the members that its level withstands", async () => {
      const all = await members();
      expect(await sumOf(assembleArrays(all, openArray)[0]!.open!())).toEqual([expected.array.size, expected.array.sha256]);
      for (const left of files.keys()) {
        const open = assembleArrays(all.toSpliced(left, 1), openArray)[0]!.open!;
        if (expected.detail.includes("MD_LEVEL=raid0\n")) expect(open).toThrow("1 of 2 members are missing");
        else expect(await sumOf(open())).toEqual([expected.array.size, expected.array.sha256]);
      }
    });
  });
});

async function sumOf(source: Source): Promise<[number, string]> {
  const bytes = await source.read(0, source.sizeBytes);
  return [bytes.length, createHash("sha256").update(bytes).digest("hex")];
}
