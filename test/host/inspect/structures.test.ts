import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { InspectNode } from "../../../src/host/inspect/node.ts";
import type { Structure } from "../../../src/host/inspect/structures.ts";
import { fixtureBytes, fixtureJson } from "../../fixtures/fixture.ts";
import { mkinitrd } from "../image/mkinitrd.ts";

const folder = mkdtempSync(join(tmpdir(), "structures-"));
afterAll(() => rmSync(folder, { recursive: true }));

function disk(fixture: string): string {
  const file = join(folder, fixture.replace(/^.*\//, "").replace(/\.gz$/, ""));
  writeFileSync(file, fixtureBytes(fixture));
  return file;
}

async function structures(...words: string[]): Promise<Structure[]> {
  const [node] = JSON.parse((await mkinitrd("inspect", "--verbose", "--json", ...words)).out) as InspectNode[];
  return node!.structures ?? [];
}

const valueOf = ({ fields }: Structure, name: string) => fields.find((field) => field.name === name)?.value;

test("a GPT has both headers and the entries in use, as sfdisk says of them", async () => {
  const { partitiontable: { lastlba, partitions } } = fixtureJson<{ partitiontable: { lastlba: number; partitions: { start: number; size: number }[] } }>("gpt/three-partitions.sfdisk.json");
  const file = disk("gpt/three-partitions.img.gz");
  const found = await structures(file);
  const headers = found.filter(({ name }) => name === "GPT header");
  expect(headers.map((header) => [header.offsetBytes, valueOf(header, "lastUsableLba")])).toEqual([[512, lastlba], [readFileSync(file).length - 512, lastlba]]);
  const entries = found.filter(({ name }) => name === "GPT partition entry");
  expect(entries.map((entry) => [valueOf(entry, "firstLba"), valueOf(entry, "lastLba")])).toEqual(partitions.map(({ size, start }) => [start, start + size - 1]));
});

test("a LUKS2 volume has both headers, and its metadata as cryptsetup prints it", async () => {
  const dump = fixtureBytes("luks2/argon2.luksDump.txt").toString();
  const said = (word: string) => new RegExp(`^\\s*${word}:\\s*(.*?)(?: \\[.*)?$`, "m").exec(dump)![1]!;
  const found = await structures(disk("luks2/argon2.img.gz"));
  const headers = found.filter(({ name }) => name === "LUKS2 binary header");
  expect(headers.map((header) => [header.offsetBytes, valueOf(header, "uuid"), String(valueOf(header, "seqid"))])).toEqual([0, 16384].map((offset) => [offset, JSON.stringify(said("UUID")), said("Epoch")]));
  const metadata = found.find(({ name }) => name === "LUKS2 metadata")!;
  expect(String(valueOf(metadata, "keyslots.0.kdf.memoryKib"))).toBe(said("Memory"));
  expect(metadata.fields.every(({ offsetBytes }) => offsetBytes === undefined)).toBe(true);
});

describe("the bytes at the place of each number are that number", () => {
  const images = readdirSync(new URL("../../fixtures/fs", import.meta.url)).filter((name) => name.endsWith(".img.gz") && name !== "ambivalent.img.gz").map((name) => `fs/${name}`);
  test.each(["gpt/three-partitions.img.gz", "gpt/four-k.img.gz", "luks2/argon2.img.gz", "lvm2/group-a.img.gz", ...images])("%s", async (name) => {
    const bytes = fixtureBytes(name);
    const fields = (await structures(disk(name))).flatMap((structure) => structure.fields);
    const numbers = fields.flatMap(({ lengthBytes: length = 0, name: field, offsetBytes: at, value }) => (at === undefined || typeof value !== "number" ? [] : [{ at, field, length, value }]));
    expect(numbers.length).toBeGreaterThan(0);
    expect(numbers.filter(({ at, length, value }) => {
      const raw = bytes.subarray(at, at + length);
      return ![raw, Buffer.from(raw).reverse()].some((each) => Number(BigInt(`0x${each.toString("hex")}`)) === value);
    })).toEqual([]);
  });
});

test("for a person each structure has its place, and each field its byte, length, name and value", async () => {
  const { out } = await mkinitrd("inspect", "--verbose", disk("fs/ext4.img.gz"));
  const label = /^LABEL=(.*)$/m.exec(fixtureBytes("fs/ext4.blkid.txt").toString())![1]!;
  expect(out).toMatch(/^ {2}ext superblock, 1024 bytes at byte 1024\n( {2,} .*\n)+? {2} +1080 +2 {2}magic +61267 \(0xef53\)\n/m); // as Linux documents it
  expect(out).toMatch(new RegExp(`^ {2} +1144 +16 {2}label +(?:"${label}"|${Buffer.from(label).toString("hex")}0*)$`, "m"));
});

test("what is not read has no structures: an empty disk, and all without --verbose", async () => {
  const file = join(folder, "zero.img");
  writeFileSync(file, Buffer.alloc(1 << 20));
  expect(await structures(file)).toEqual([]);
  expect((await mkinitrd("inspect", disk("fs/ext4.img.gz"))).out).not.toContain("superblock");
});
