import { expect, test } from "vitest";
import { probeSwap } from "../../../src/core/formats/swap.ts";
import { asContent, blkidFacts } from "../../fixtures/blkid.ts";
import { fixture } from "../../fixtures/fixture.ts";

const MIB = 1024 * 1024;

test.each([
  { name: "swap", sizeBytes: MIB },
  { name: "swap-64k", sizeBytes: 2 * MIB },
  { name: "swsuspend", sizeBytes: undefined },
])("$name reads as blkid prints it", async ({ name, sizeBytes }) => {
  const facts = blkidFacts(`fs/${name}.blkid.txt`);
  const content = await probeSwap(await fixture(`fs/${name}.img.gz`));
  expect(content).toEqual({ ...asContent(facts), version: facts.VERSION, ...(sizeBytes === undefined ? {} : { sizeBytes }) });
});

test("a swap area of a machine with the other byte order is one as well", async () => {
  const sound = await fixture("fs/swap.img.gz");
  const header = await sound.read(1024, 8);
  header.swap32();
  const content = await probeSwap(await fixture("fs/swap.img.gz", { write: [{ at: 1024, bytes: header }] }));
  expect(content).toMatchObject({ type: "swap", sizeBytes: MIB });
});

test.each([
  { field: "the version", write: { at: 1024, bytes: Buffer.from([2]) }, found: /the version is 2, known: 1/ },
  { field: "the number of pages", write: { at: 1028, bytes: Buffer.alloc(4) }, found: /it has no pages/ },
])("a wrong value of $field is refused", async ({ write, found }) => {
  await expect(probeSwap(await fixture("fs/swap.img.gz", { write: [write] }))).rejects.toThrow(found);
});

test("what follows the label must be zeros, or label and UUID are none", async () => {
  const content = await probeSwap(await fixture("fs/swap.img.gz", { flip: 1024 + 172 }));
  expect(content).toEqual({ type: "swap", version: "1", sizeBytes: MIB });
});

test("without the signature, or where the source ends before it, it is no swap area", async () => {
  expect(await probeSwap(await fixture("fs/swap.img.gz", { flip: 4095 }))).toBeUndefined();
  expect(await probeSwap(await fixture("fs/swap.img.gz", { truncate: 4095 }))).toBeUndefined();
});
