import { expect, test } from "vitest";
import { probeOtherTable } from "../../src/core/formats/other-tables.ts";
import { readPartitionTable } from "../../src/core/volumes/partitions.ts";
import { describeCorpus } from "./corpus.ts";

interface Disk {
  sfdisk: {
    partitiontable: {
      label: string;
      id: string;
      sectorsize: number;
      partitions: { node: string; start: number; size: number; name?: string }[];
    };
  };
  partitions: Record<string, { blkid: { PART_ENTRY_UUID: string; PART_ENTRY_TYPE: string; PART_ENTRY_NAME?: string } }>;
}

describeCorpus<Disk>("disks", (entries, source) => {
  test.each(entries)("$id has the partitions that sfdisk and blkid say", async (entry) => {
    const { label, id, sectorsize, partitions } = entry.expect.sfdisk.partitiontable;
    const table = await readPartitionTable(source(entry.files[0]?.file ?? ""), sectorsize);
    expect(table).toMatchObject({ type: label, uuid: id.replace("0x", "").toLowerCase(), logicalBlockBytes: sectorsize });
    expect(table?.partitions.map(({ startBytes, sizeBytes, partLabel }) => ({ startBytes, sizeBytes, partLabel }))).toEqual(
      partitions.map(({ start, size, name }) => ({ startBytes: start * sectorsize, sizeBytes: size * sectorsize, partLabel: name })),
    );
    for (const [number, { blkid }] of Object.entries(entry.expect.partitions)) {
      const found = table?.partitions.find((partition) => partition.number === Number(number));
      expect(found?.partUuid).toBe(blkid.PART_ENTRY_UUID);
      expect(found?.typeGuid ?? `0x${found?.typeByte?.toString(16)}`).toBe(blkid.PART_ENTRY_TYPE);
    }
  });

  test.each(entries.filter(({ id }) => id === "gpt-primary-gone"))("$id is read from its backup", async (entry) => {
    const table = await readPartitionTable(source(entry.files[0]?.file ?? ""), 512);
    expect(table?.usedCopy).toBe("backup");
    expect(table?.damage).toEqual(["primary header damaged, the backup was used: it has no signature"]);
  });
});

describeCorpus<{ upstream_output: string }>("blkid-pt", (entries, source) => {
  test.each(entries)("$id is of the type that libblkid's own tests say, or of one whose partitions we read", async (entry) => {
    const type = /PT: (\w+)/.exec(entry.expect.upstream_output)?.[1];
    expect(await probeOtherTable(source(entry.files[0]?.file ?? ""))).toBe(type === "gpt" || type === "dos" ? undefined : type);
  });

  test.each(entries)("$id has a table only if libblkid's own tests say GPT or DOS", async (entry) => {
    const output = entry.expect.upstream_output;
    const type = /PT: (\w+)/.exec(output)?.[1];
    const table = await readPartitionTable(source(entry.files[0]?.file ?? ""), 512);
    expect(table?.type).toBe(type === "gpt" || type === "dos" ? type : undefined);
    if (table === undefined) return;
    expect(table.uuid).toBe(/id=(\S+)/.exec(output)?.[1]);
    const rows = [...output.matchAll(/^#(\d+):\s+(\d+)\s+(\d+)\s+0x0 name='(.*)' uuid='(\S+)' type='(\S+)'$/gm)];
    expect(table.partitions).toEqual(
      rows.map(([, number, start, size, name, uuid, typeGuid]) => ({
        number: Number(number),
        startBytes: Number(start) * 512,
        sizeBytes: Number(size) * 512,
        partUuid: uuid,
        ...(name === "" || name === "(null)" ? {} : { partLabel: name }),
        typeGuid,
      })),
    );
  });
});
