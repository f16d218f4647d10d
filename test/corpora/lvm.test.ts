import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { tableLines } from "../../src/core/dm/table-text.ts";
import { probeLvm2 } from "../../src/core/formats/lvm2.ts";
import { parseVolumeGroup } from "../../src/core/formats/lvm2-metadata.ts";
import { ALL_READERS } from "../../src/core/volumes/all-readers.ts";
import { discover } from "../../src/core/volumes/discover.ts";
import { assembleVolumeGroups } from "../../src/core/volumes/lvm.ts";
import { mapperName } from "../../src/core/volumes/lvm-names.ts";
import { stackPlanner } from "../../src/core/volumes/lvm-stack.ts";
import { describeCorpus } from "./corpus.ts";

interface Expected {
  vgs: { vg_name: string; vg_uuid: string; vg_seqno: string }[];
  pvs: { pv_name: string; pv_uuid: string; pe_start: string; pv_pe_count: string }[];
  lvs: { lv_name: string; lv_uuid: string; lv_size: string; lv_role: string }[];
  metadata_text: string;
  dm_tables: string[];
  contents: Record<string, { sha256: string; size: number }>;
}

describeCorpus<Expected>("lvm-fresh", (entries, image) => {
  describe.each(entries)("the volume group $id", ({ expect: expected, files }) => {
    const assemble = async (planner?: typeof stackPlanner) => {
      const found = await Promise.all(files.map(async ({ file }, index) => {
        const source = image(file);
        return { device: { path: `pv${index}`, source }, pv: (await probeLvm2(source))! };
      }));
      return { found, groups: assembleVolumeGroups(found, planner) };
    };

    test("has the names, UUIDs and sizes that LVM prints", async () => {
      const { found, groups: [group, ...rest] } = await assemble();
      const [vg] = expected.vgs;
      expect(rest).toEqual([]);
      expect(group).toMatchObject({ name: vg!.vg_name, uuid: vg!.vg_uuid, missingPvs: [] });
      expect(found.map(({ pv }) => pv.pvUuid)).toEqual(expected.pvs.map(({ pv_uuid }) => pv_uuid));
      const listed = group!.logicalVolumes.map(({ name, sizeBytes, uuid }) => `${name} ${uuid} ${sizeBytes}`);
      const printed = expected.lvs.map(({ lv_name, lv_size, lv_uuid }) => `${lv_name.replace(/[[\]]/g, "")} ${lv_uuid} ${lv_size}`);
      expect(listed.sort()).toEqual(printed.sort());
      // LVM puts the names of those that are not visible into brackets.
      expect(group!.logicalVolumes.filter(({ visible }) => visible).map(({ name }) => name).sort())
        .toEqual(expected.lvs.map(({ lv_name }) => lv_name).filter((name) => !name.startsWith("[")).sort());
    });

    test("maps its linear and striped volumes with the tables that the kernel had", async () => {
      const { groups: [group] } = await assemble();
      const kernels = expected.dm_tables.filter((line) => /: \d+ \d+ (linear|striped) .*\bpv\d/.test(line)).sort();
      const ours = group!.logicalVolumes
        .flatMap(({ name, targets = [] }) => tableLines(targets).map((line) => `${mapperName(group!.name, name)}: ${line}`))
        .filter((line) => !line.includes("_pmspare")); // never active
      expect(ours.sort()).toEqual(kernels);
    });

    test("holds in these volumes the bytes that the kernel read", async () => {
      const { groups: [group] } = await assemble();
      for (const { name, open, visible } of group!.logicalVolumes) {
        const content = expected.contents[name];
        if (open === undefined || !visible || content === undefined) continue;
        const source = open();
        const bytes = await source.read(0, source.sizeBytes);
        expect([name, bytes.length, createHash("sha256").update(bytes).digest("hex")]).toEqual([name, content.size, content.sha256]);
      }
    });

    test("maps every volume with the tables that the kernel had", async () => {
      const { groups: [group] } = await assemble(stackPlanner);
      const visible = group!.logicalVolumes.filter(({ visible }) => visible);
      const tables = new Map(visible.flatMap(({ tables = [] }) => tables).map((table) => [table.name, table.targets]));
      const ours = [...tables].flatMap(([name, targets]) => tableLines(targets, { name }));
      // dmsetup prints numbers for the devices that we name, and a thin pool that nobody opened is not there.
      const anonymous = (line: string) => line.trim().replaceAll(/253:\d+|\/dev\/mapper\/\S+/g, "DM");
      expect(ours.map(anonymous).sort()).toEqual(expected.dm_tables.map(anonymous).filter((line) => line.includes(":")).sort());
    });

    test("holds in every volume the bytes that the kernel read", async () => {
      const { groups: [group] } = await assemble(stackPlanner);
      for (const [name, content] of Object.entries(expected.contents)) {
        const source = group!.logicalVolumes.find((lv) => lv.name === name)!.open!();
        const bytes = await source.read(0, source.sizeBytes);
        expect([name, bytes.length, createHash("sha256").update(bytes).digest("hex")]).toEqual([name, content.size, content.sha256]);
      }
    });

    test("is found with something to read in each visible volume, when all readers are given", async () => {
      const listed = files.map(({ file }, index) => ({ path: `pv${index}`, source: image(file), logicalBlockBytes: 512 }));
      const found = await discover(listed, undefined, ALL_READERS);
      expect(found.filter(({ layer }) => layer === "lv").map(({ damage, name, source }) => [name, source !== undefined, damage]).sort())
        .toEqual(expected.lvs.map(({ lv_name }) => lv_name).filter((name) => !name.startsWith("[")).map((name) => [`${expected.vgs[0]!.vg_name}/${name}`, true, undefined]).sort());
    });

    test("names every device that the kernel had for its volumes", async () => {
      const { groups: [group] } = await assemble();
      const ours = new Set(group!.logicalVolumes.filter(({ visible }) => visible).flatMap(({ mappings }) => mappings));
      const kernels = expected.dm_tables.filter((line) => line.includes(":")).map((line) => line.slice(0, line.indexOf(":")));
      expect(kernels.filter((name) => !ours.has(name))).toEqual([]);
    });

    test("means the same as the text that vgcfgbackup wrote", async () => {
      const { found } = await assemble();
      const backup = parseVolumeGroup(expected.metadata_text, "vgcfgbackup");
      const onDisk = found.find(({ pv }) => pv.metadata !== undefined)!.pv.metadata;
      expect(onDisk).toEqual(backup);
    });
  });
});
