import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { probeMd } from "../../src/core/formats/md.ts";
import { assembleArrays, mdadmUuid } from "../../src/core/volumes/md.ts";
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

    test.skipIf(!expected.detail.includes("MD_LEVEL=raid1\n"))("holds the bytes that the kernel read", async () => {
      for (const member of await members()) {
        const alone = assembleArrays([member])[0]!.open!();
        const bytes = await alone.read(0, alone.sizeBytes);
        expect([bytes.length, createHash("sha256").update(bytes).digest("hex")]).toEqual([expected.array.size, expected.array.sha256]);
      }
    });
  });
});
