import { expect, test } from "vitest";
import { discover } from "../../src/core/volumes/discover.ts";
import { findVolumes } from "../../src/core/volumes/match.ts";
import { describeCorpus } from "./corpus.ts";

type Facts = Record<string, string | undefined>;
interface Disk {
  partitions: Record<string, { size: number; blkid: Facts }>;
  sfdisk: { partitiontable: { sectorsize: number } };
}

/** Types that we know; of the others, blkid's PART_ENTRY_ keys alone count. */
const KNOWN = ["ext4", "vfat", "swap", "crypto_LUKS", "LVM2_member"];

describeCorpus<Disk>("disks", (entries, source) => {
  test.each(entries)("$id has in each partition what blkid says, and each is found by its names", async (entry) => {
    const logicalBlockBytes = entry.expect.sfdisk.partitiontable.sectorsize;
    const volumes = await discover([{ path: "disk.img", source: source(entry.files[0]?.file ?? ""), logicalBlockBytes }]);
    for (const [number, { blkid, size }] of Object.entries(entry.expect.partitions)) {
      const name = `disk.img:${number}`;
      const volume = volumes.find((candidate) => candidate.name === name);
      expect(volume).toMatchObject({ layer: "partition", parent: "disk.img", sizeBytes: size });
      const { label, type, uuid } = volume?.content ?? {};
      const known = KNOWN.includes(blkid.TYPE ?? "") ? blkid : {};
      expect([name, type, uuid, label]).toEqual([name, known.TYPE, known.UUID, known.LABEL]);

      const named = { UUID: uuid, LABEL: label, PARTUUID: blkid.PART_ENTRY_UUID, PARTLABEL: blkid.PART_ENTRY_NAME };
      for (const [tag, value] of Object.entries(named)) {
        if (value !== undefined) expect(findVolumes(volumes, `${tag}=${value}`).map((found) => found.name)).toEqual([name]);
      }
    }
  });
});
