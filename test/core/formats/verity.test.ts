import { expect, test } from "vitest";
import { memorySource } from "../../../src/core/binary/source.ts";
import { probeVerity } from "../../../src/core/formats/verity.ts";
import { fixture, fixtureBytes } from "../../fixtures/fixture.ts";

/** As `veritysetup format` printed it. */
const printed = fixtureBytes("rarer/verity.format.txt").toString();
const line = (name: string) => new RegExp(`^${name}:\\s+(.*)$`, "m").exec(printed)?.[1];

test("a superblock reads as veritysetup prints it", async () => {
  const { salt, ...header } = (await probeVerity(await fixture("rarer/verity.img.gz")))!;
  expect(header).toEqual({
    uuid: line("UUID"),
    hashType: Number(line("Hash type")),
    algorithm: line("Hash algorithm"),
    dataBlocks: Number(line("Data blocks")),
    dataBlockBytes: Number(line("Data block size")),
    hashBlockBytes: Number(line("Hash block size")),
    treeStartBytes: 4096,
  });
  expect(salt.toString("hex")).toBe(line("Salt"));
});

test("behind the data on the same device it is found at its place, and the tree behind it", async () => {
  const bytes = Buffer.concat([Buffer.alloc(65536), fixtureBytes("rarer/verity.img.gz")]);
  expect(await probeVerity(memorySource(bytes))).toBeUndefined();
  expect(await probeVerity(memorySource(bytes), 65536)).toMatchObject({ uuid: line("UUID"), treeStartBytes: 65536 + 4096 });
});

test("without the signature, or where the source ends before the superblock does, there is none", async () => {
  expect(await probeVerity(await fixture("rarer/verity.img.gz", { flip: 0 }))).toBeUndefined();
  expect(await probeVerity(await fixture("rarer/verity.img.gz", { truncate: 511 }))).toBeUndefined();
});
