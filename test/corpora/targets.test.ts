import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import type { Source } from "../../src/core/binary/source.ts";
import { openTarget } from "../../src/core/dm/open-target.ts";
import { openTable } from "../../src/core/dm/table.ts";
import { parseTable } from "../../src/core/dm/table-text.ts";
import { describeCorpus } from "./corpus.ts";

const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

/** What the kernel's table says of the devices that stand in it by these names. */
function open(table: string, devices: Record<string, Source>): Source {
  const [first] = parseTable(table, (path) => (devices[path] === undefined ? undefined : { path, source: devices[path] }));
  return openTable("corpus", first!.targets, openTarget);
}

interface Luks {
  table?: string;
  volume_key?: string;
  payload?: { size: number; sha256: string };
}

describeCorpus<Luks>("luks-fresh", (entries, image) => {
  const opened = entries.filter(({ expect: { table, volume_key } }) => table !== undefined && volume_key !== undefined);
  const isReadable = ({ expect: { table = "" } }: (typeof opened)[number]) => !/integrity/.test(table);
  const tableOf = ({ expect: { table = "", volume_key = "" } }: (typeof opened)[number]) => table.replace("KEY", volume_key);

  test.each(opened.filter(isReadable))("$id decrypts with the volume key to what the kernel read", async (entry) => {
    const source = open(tableOf(entry), { DEV: image(entry.files[0]!.file) });
    const bytes = await source.read(0, source.sizeBytes);
    expect([bytes.length, sha256(bytes)]).toEqual([entry.expect.payload!.size, entry.expect.payload!.sha256]);
  });

  test.each(opened.filter((entry) => !isReadable(entry)))("$id is refused with a reason, without its key", (entry) => {
    let message = "";
    try {
      open(tableOf(entry), { DEV: image(entry.files[0]!.file) });
    } catch (error) {
      message = String(error);
    }
    expect(message).toMatch(/what is authenticated can't be read here/);
    expect(message).not.toContain(entry.expect.volume_key!.slice(0, 8));
  });
});

interface Verity {
  table: string;
  size: number;
  unreadable_4k_blocks: number[];
  sha256_read_through_verity: string;
  sha256_of_undamaged_data: string;
}

describeCorpus<Verity>("verity", (entries, image) => {
  test.each(entries)("$id gives the blocks that the kernel gave, and names each other one", async ({ expect: expected, files, id }) => {
    const data = image(files[0]!.file);
    const hash = files[1] === undefined ? data : image(files[1].file);
    const source = open(expected.table, { DATA: data, HASH: hash, FEC: data });
    expect(source.sizeBytes).toBe(expected.size);
    const whole: Buffer[] = [];
    const refused: number[] = [];
    for (let block = 0; block < expected.size / 4096; block++) {
      try {
        whole.push(await source.read(block * 4096, 4096));
      } catch (error) {
        expect(String(error)).toContain(`data block ${block}, at byte ${block * 4096}, is not what the hash tree says`);
        refused.push(block);
      }
    }
    // What the kernel repaired from its error correction data, we refuse.
    expect(refused).toEqual(id === "v-fec-repairs" ? [9] : expected.unreadable_4k_blocks);
    if (refused.length === 0) expect(sha256(Buffer.concat(whole))).toBe(expected.sha256_of_undamaged_data);
  });
});
