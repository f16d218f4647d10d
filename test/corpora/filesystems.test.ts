import { expect, test } from "vitest";
import type { Content } from "../../src/core/formats/content.ts";
import { probe } from "../../src/core/volumes/probe.ts";
import { describeCorpus } from "./corpus.ts";

type Facts = Record<string, string>;
interface Expected {
  blkid?: Facts | Facts[];
}

const FOLDERS = ["blkid-fs", "fs-fresh", "fs-cryptsetup", "btrfs-progs"];
const SUPPORTED = ["ext2", "ext3", "ext4", "jbd", "xfs", "btrfs", "f2fs", "squashfs", "erofs", "ufs", "vfat", "swap", "swsuspend", "crypto_LUKS", "LVM2_member", "linux_raid_member"];

/** Kept as 4096 bytes only: the header's second part is not there, and we check it. */
const CUT_SHORT = ["luks2"];

/** blkid's way to print a byte that is no ASCII letter: cat -v. */
function visible(bytes: Buffer): string {
  return [...bytes].map((byte) => {
    const low = byte & 0x7f;
    const character = low < 32 ? `^${String.fromCharCode(low + 64)}` : low === 127 ? "^?" : String.fromCharCode(low);
    return byte < 128 ? character : `M-${character}`;
  }).join("");
}

/** The encodings that a label's text may have been read from. */
function possibleLabels({ label }: Content): (string | undefined)[] {
  return label === undefined ? [undefined] : [visible(Buffer.from(label, "utf8")), visible(Buffer.from(label, "latin1"))];
}

for (const folder of FOLDERS) {
  describeCorpus<Expected>(folder, (entries, source) => {
    const images = entries.flatMap(({ expect: { blkid = {} }, files, id }) =>
      [blkid].flat().map((facts, index) => ({ id, file: files[index]?.file ?? "", facts })));
    const supported = images.filter(({ facts, id }) => SUPPORTED.includes(facts.TYPE ?? "") && !CUT_SHORT.includes(id));
    const others = images.filter((image) => !supported.includes(image));

    test("images of a supported type read as blkid prints them", async () => {
      for (const { facts, file, id } of supported) {
        const content = await probe(source(file));
        expect({ id, type: content?.type, uuid: content?.uuid }).toEqual({ id, type: facts.TYPE, uuid: facts.UUID });
        expect(possibleLabels(content!), id).toContain(facts.LABEL);
        if (facts.BLOCK_SIZE !== undefined) expect([id, content?.blockSizeBytes]).toEqual([id, Number(facts.BLOCK_SIZE)]);
      }
      expect(supported.length).toBeGreaterThan(0);
    }, 120_000);

    test.skipIf(others.length === 0)("the others are nothing known, or damaged", async () => {
      for (const { file, id } of others) {
        const content = await probe(source(file)).catch(() => undefined);
        expect({ id, type: content?.type }).toEqual({ id, type: undefined });
      }
    }, 120_000);
  });
}
