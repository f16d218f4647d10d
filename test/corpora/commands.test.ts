import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { Source } from "../../src/core/binary/source.ts";
import { run } from "../../src/host/cli/program.ts";
import type { InspectNode } from "../../src/host/inspect/node.ts";
import { describeCorpus, type Entry } from "./corpus.ts";
import { captureConsole } from "../host/cli/captured.ts";

const folder = mkdtempSync(join(tmpdir(), "corpora-"));
afterAll(() => rmSync(folder, { recursive: true }));
const printed = captureConsole();
let count = 0;

const sha256 = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");

/** The images of an entry as files. */
async function unpack({ files }: Entry<unknown>, source: (file: string) => Source): Promise<string[]> {
  const paths: string[] = [];
  for (const { file } of files) {
    const image = source(file);
    const path = join(folder, `${count++}-${file.replace(/\.xz$/, "")}`);
    writeFileSync(path, await image.read(0, image.sizeBytes));
    paths.push(path);
  }
  return paths;
}

async function inspect(...words: string[]): Promise<InspectNode[]> {
  await run(["inspect", "--json", ...words]);
  const flat = (nodes: InspectNode[]): InspectNode[] => nodes.flatMap((node) => [node, ...flat(node.children)]);
  const nodes = flat(JSON.parse(printed.out) as InspectNode[]);
  printed.out = "";
  return nodes;
}

/** The digest of a dump, as the command says it and as the file has it. */
async function dump(...words: string[]): Promise<string> {
  const to = join(folder, `dump-${count++}`);
  await run(["dump", "--sha256", "--json", ...words, "-o", to]);
  expect(printed.errors).toBe("");
  const { sha256: said } = JSON.parse(printed.out) as { sha256: string };
  printed.out = "";
  const digest = sha256(to);
  rmSync(to);
  expect(said).toBe(digest);
  return digest;
}

describeCorpus<{ contents: Record<string, { sha256: string }>; vgs: { vg_name: string }[] }>("lvm-fresh", (entries, source) => {
  test.each(entries)("mkinitrd dump --all of $id writes what the kernel read of each volume", async (entry) => {
    const to = join(folder, `all-${entry.id}`);
    await run(["dump", "--all", ...(await unpack(entry, source)), "-o", to]);
    expect(printed.errors).toBe("");
    const contents = Object.entries(entry.expect.contents);
    const digests = contents.map(([lv]) => [lv, sha256(join(to, entry.expect.vgs[0]!.vg_name, lv))]);
    expect(Object.fromEntries(digests)).toEqual(Object.fromEntries(contents.map(([lv, content]) => [lv, content.sha256])));
    rmSync(to, { recursive: true });
  });
});

describeCorpus<{ array: { sha256: string } }>("mdraid", (entries, source) => {
  test.each(entries)("mkinitrd inspect finds the array $id, and dump writes what the kernel read", async (entry) => {
    const files = await unpack(entry, source);
    const [array] = (await inspect(...files)).filter(({ layer }) => layer === "array");
    expect(await dump(...files, array!.name)).toBe(entry.expect.array.sha256);
  });
});

interface Verity {
  root_hash: string;
  unreadable_4k_blocks: number[];
  sha256_read_through_verity?: string;
}

describeCorpus<Verity>("verity", (entries, source) => {
  // Without a superblock nobody finds the tree.
  const withTree = entries.filter(({ id }) => id !== "v-nosb");
  const isWhole = ({ expect: { unreadable_4k_blocks: blocks }, id }: Entry<Verity>) => blocks.length === 0 && id !== "v-fec-repairs";

  test.each(withTree.filter(isWhole))("mkinitrd inspect joins $id, and dump --root-hash writes what the kernel read through it", async (entry) => {
    const files = await unpack(entry, source);
    const nodes = await inspect(...files);
    const data = nodes.flatMap(({ verity }) => (verity === undefined ? [] : [[verity.data, verity.rootHash]]));
    expect(data).toEqual([[files[0]!.slice(folder.length + 1), entry.expect.root_hash]]);
    expect(await dump("--root-hash", entry.expect.root_hash, ...files, files[0]!.slice(folder.length + 1))).toBe(entry.expect.sha256_read_through_verity);
  });

  test.each(withTree.filter((entry) => !isWhole(entry)))("of $id the damaged block is named", async (entry) => {
    const files = await unpack(entry, source);
    await run(["dump", "--root-hash", entry.expect.root_hash, ...files, files[0]!.slice(folder.length + 1), "-o", join(folder, "damaged")]);
    const [block = 9] = entry.expect.unreadable_4k_blocks; // of what the kernel repaired: byte 36865, as the manifest has it
    expect([process.exitCode, printed.errors]).toEqual([1, expect.stringContaining(`data block ${block}, at byte ${block * 4096}, is not what the hash tree says`)]);
  });
});

interface Disk {
  partitions: Record<string, { sha256: string | null; blkid?: { UUID?: string; TYPE?: string } }>;
}

describeCorpus<Disk>("disks", (entries, source) => {
  test.each(entries)("mkinitrd dump writes each partition of $id as it was read", async (entry) => {
    const [file] = await unpack(entry, source);
    const name = file!.slice(folder.length + 1);
    const nodes = await inspect(file!);
    for (const [number, { blkid = {}, sha256: digest }] of Object.entries(entry.expect.partitions)) {
      const node = nodes.find((each) => each.name === `${name}:${number}`);
      expect([node?.type, node?.uuid]).toEqual([blkid.TYPE, blkid.UUID]);
      if (digest !== null) expect([number, await dump(file!, `${name}:${number}`)]).toEqual([number, digest]);
    }
  });
});
