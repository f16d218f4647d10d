import { expect, test } from "vitest";
import type { Content } from "../../src/core/formats/content.ts";
import { probeVerity } from "../../src/core/formats/verity.ts";
import { EVERY_FORMAT } from "../../src/core/volumes/every-format.ts";
import { probe } from "../../src/core/volumes/probe.ts";
import { plainText } from "../fixtures/blkid.ts";
import { describeCorpus } from "./corpus.ts";

type Facts = Record<string, string>;
interface Expected {
  /** As `blkid -o export` of 2.38 printed them, one for each file. */
  blkid?: Facts | Facts[];
  /** What upstream's own tests expect of the newest libblkid. */
  udev?: Facts;
  /** The same of the first session of a disc with several. */
  "iso-multi-genisoimage-0"?: Facts;
  "udf-multi-genisoimage-0"?: Facts;
}

/** Of what an image holds; absent: nothing is said of it. */
interface Known {
  type: string | undefined;
  uuid: string | undefined;
  label: string | undefined;
  version: string | undefined;
  blockSizeBytes: number | undefined;
  sizeBytes: number | undefined;
}

/** Kept as 4096 bytes only: the header's second part is not there, and we check it. */
const CUT_SHORT = ["luks2"];
/** libblkid subtracts the header of a swap area and the log of an XFS, and adds up the devices of a bcachefs. */
const OTHER_SIZE = ["swap", "xfs", "bcachefs"];
/** The labels of DOS code pages, as libblkid's own test prints them: the bytes themselves. */
const NOT_UTF8 = ["fat32_cp850_O_tilde"];
const FOLDERS = ["blkid-fs", "fs-fresh", "fs-cryptsetup", "btrfs-progs"];

for (const folder of FOLDERS) {
  describeCorpus<Expected>(folder, (entries, source) => {
    const images = entries.flatMap(({ expect: { blkid = {}, udev, ...sessions }, files, id }) => {
      const newest = udev ?? sessions["iso-multi-genisoimage-0"] ?? sessions["udf-multi-genisoimage-0"];
      const facts = newest === undefined ? [blkid].flat().map(ofBlkid) : [ofUdev(newest)];
      return facts.map((known, index) => ({ id, file: files[index]?.file ?? "", known }));
    });

    test(`each of the ${images.length} images is what libblkid says: type, UUID, label, block size, size`, async () => {
      for (const { file, id, known } of images) {
        if (CUT_SHORT.includes(id)) await expect(probe(source(file), EVERY_FORMAT)).rejects.toThrow("it ends at byte 4096");
        else expectKnown(id, await probe(source(file), EVERY_FORMAT).catch(() => undefined), known);
      }
      expect(images.length).toBeGreaterThan(0);
    }, 120_000);
  });
}

describeCorpus<{ blkid: Facts }>("bitlk", (entries, source) => {
  // This blkid knows the type alone; the rest is what `cryptsetup bitlkDump` 2.6.1 prints.
  test.each([
    { id: "bitlk-aes-xts-128", uuid: "8f595209-f5b9-49a0-85d4-cb8f80258c27", label: "DESKTOP-NPM7RCA H: 7/4/2019" },
    { id: "bitlk-aes-cbc-256", uuid: "a2e943bf-6796-483c-a492-63db9ec1835d", label: "DESKTOP-NPM7RCA G: 8/15/2019" },
    { id: "bitlk-togo-aes-xts-128", uuid: "dca1850a-0ef6-4ece-8acb-9f42ca63bdd1", label: "DESKTOP-NPM7RCA G: 10/18/2019" },
  ])("$id is what blkid and cryptsetup say", async ({ id, uuid, label }) => {
    const entry = entries.find((one) => one.id === id)!;
    expectKnown(id, await probe(source(entry.files[0]!.file), EVERY_FORMAT), { ...ofBlkid(entry.expect.blkid), uuid, label });
  });
});

describeCorpus<{ blkid: Facts; blkid_hash?: Facts; dump?: string }>("verity", (entries, source) => {
  test("data devices are what blkid says, and hash devices too", async () => {
    for (const { expect: { blkid, blkid_hash: hash = {} }, files: [data, hashes], id } of entries) {
      if (blkid.TYPE !== undefined) expectKnown(id, await probe(source(data!.file), EVERY_FORMAT), ofBlkid(blkid));
      if (hashes !== undefined) expectKnown(`${id} hash`, await probe(source(hashes.file), EVERY_FORMAT), ofBlkid(hash));
    }
  });

  test("superblocks read as veritysetup dump prints them", async () => {
    for (const { expect: { dump }, files: [data, hashes = data], id } of entries) {
      if (dump === undefined) continue;
      const line = (name: string) => new RegExp(`^${name}:\\s+(.*?)(?: \\[bytes\\])?$`, "m").exec(dump)?.[1] ?? "";
      const dataBytes = Number(line("Data blocks")) * Number(line("Data block size"));
      const header = await probeVerity(source(hashes!.file), data === hashes ? dataBytes : 0);
      expect({ id, ...header, salt: header?.salt.toString("hex") || "-", treeStartBytes: undefined }).toEqual({
        id, uuid: line("UUID"), hashType: Number(line("Hash type")), algorithm: line("Hash algorithm"),
        dataBlocks: Number(line("Data blocks")), dataBlockBytes: Number(line("Data block size")),
        hashBlockBytes: Number(line("Hash block size")), salt: line("Salt"), treeStartBytes: undefined,
      });
    }
  });
});

/** What is said of an image, and what we found in it. A version counts where we state one. */
function expectKnown(id: string, content: Content | undefined, known: Known): void {
  const { blockSizeBytes, sizeBytes, type, uuid, version } = content ?? {};
  expect({ id, type, uuid }).toEqual({ id, type: known.type, uuid: known.uuid });
  if (!NOT_UTF8.includes(id)) expect([id, content?.label]).toEqual([id, known.label]);
  else expect(Buffer.from(content!.label!, "latin1").toString()).toBe(known.label);
  if (known.blockSizeBytes !== undefined) expect([id, blockSizeBytes]).toEqual([id, known.blockSizeBytes]);
  if (known.version !== undefined && version !== undefined) expect([id, version]).toEqual([id, known.version]);
  if (known.sizeBytes !== undefined && !OTHER_SIZE.includes(known.type ?? "")) expect([id, sizeBytes]).toEqual([id, known.sizeBytes]);
}

function ofUdev(facts: Facts): Known {
  return {
    type: facts.ID_FS_TYPE,
    uuid: facts.ID_FS_UUID,
    label: unescape(facts.ID_FS_LABEL_ENC),
    version: unescape(facts.ID_FS_VERSION),
    blockSizeBytes: number(facts.ID_FS_BLOCK_SIZE),
    sizeBytes: number(facts.ID_FS_FSSIZE),
  };
}

function ofBlkid(facts: Facts): Known {
  const { BLOCK_SIZE, LABEL, TYPE: type, UUID: uuid, VERSION: version } = facts;
  return { type, uuid, label: LABEL === undefined ? undefined : plainText(LABEL), version, blockSizeBytes: number(BLOCK_SIZE), sizeBytes: undefined };
}

function number(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

/** udev writes \xHH for a byte. */
function unescape(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const latin1 = Buffer.from(text).toString("latin1").replace(/\\x(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(latin1, "latin1").toString();
}
