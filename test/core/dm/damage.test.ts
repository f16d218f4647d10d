import fc from "fast-check";
import { expect, test } from "vitest";
import { crc32cRaw } from "../../../src/core/binary/checksums.ts";
import { memorySource } from "../../../src/core/binary/source.ts";
import type { Source } from "../../../src/core/binary/source.ts";
import { openTarget } from "../../../src/core/dm/open-target.ts";
import type { Target } from "../../../src/core/dm/table.ts";
import { parseTable } from "../../../src/core/dm/table-text.ts";
import { MkinitrdError } from "../../../src/core/errors.ts";
import { fixtureBytes } from "../../fixtures/fixture.ts";

/** Whatever was changed: bytes, or an error of ours. A read of everything is no more than a few thousand runs. */
async function readsOrRefuses(open: () => Source): Promise<void> {
  try {
    const source = open();
    for (const at of [0, 4096, source.sizeBytes / 2, source.sizeBytes - 100_000]) await source.read(Math.floor(at), Math.min(source.sizeBytes, 100_000));
    expect((await source.read(0, source.sizeBytes)).length).toBe(source.sizeBytes);
  } catch (error) {
    if (!(error instanceof MkinitrdError)) throw error;
  }
}

/** Changes near the start of some 4096-byte blocks, where headers and keys are, and anywhere. */
const changes = (blocks: number) => fc.array(fc.record({
  block: fc.nat({ max: blocks - 1 }),
  at: fc.oneof(fc.nat({ max: 63 }), fc.nat({ max: 400 }), fc.nat({ max: 4095 })),
  value: fc.oneof(fc.constantFrom(0, 1, 2, 0x7f, 0x80, 0xff), fc.nat({ max: 255 })),
}), { minLength: 1, maxLength: 8 });

function changed(original: Buffer, list: { block: number; at: number; value: number }[]): Buffer {
  const bytes = Buffer.from(original);
  for (const { at, block, value } of list) bytes[block * 4096 + at] = value;
  return bytes;
}

/** Makes the checksum right again, as the kind of block that it was: what is behind it must be looked at, too. */
function sealed(bytes: Buffer, original: Buffer, list: { block: number }[]): Buffer {
  for (const { block } of list) {
    const [now, before] = [bytes, original].map((each) => each.subarray(block * 4096, (block + 1) * 4096)) as [Buffer, Buffer];
    const xor = (crc32cRaw(0xffffffff, before.subarray(4)) ^ before.readUInt32LE(0)) >>> 0;
    now.writeUInt32LE((crc32cRaw(0xffffffff, now.subarray(4)) ^ xor) >>> 0, 0);
  }
  return bytes;
}

/** Blocks that the kernel has written to. */
const usedBlocks = (bytes: Buffer): number[] => Array.from({ length: bytes.length / 4096 }, (_, block) => block).filter((block) => bytes.subarray(block * 4096, (block + 1) * 4096).some((byte) => byte !== 0));

const parse = (line: string, devices: Record<string, Source>, more: object = {}): Target => parseTable(line, (path) => ({ path, source: devices[path]!, ...more }))[0]!.targets[0]!;

test.each([true, false])("damaged metadata of a thin pool gives bytes or an error of ours; checksums made right: %s", async (seal) => {
  const [meta, data] = [fixtureBytes("dm/thin.meta.img.gz"), memorySource(fixtureBytes("dm/thin.data.img.gz"))];
  const used = usedBlocks(meta);
  await fc.assert(fc.asyncProperty(changes(used.length), fc.constantFrom(0, 3, 7), async (list, id) => {
    const placed = list.map((change) => ({ ...change, block: used[change.block]! }));
    const bytes = changed(meta, placed);
    const metadata = memorySource(seal ? sealed(bytes, meta, placed) : bytes);
    const pool = parse("0 65536 thin-pool m d 128 0", { m: metadata, d: data });
    if (pool.type !== "thin-pool") throw new Error("no pool");
    await readsOrRefuses(() => openTarget(parse(`0 40960 thin p ${id}`, { p: data }, { pool })));
  }), { seed: 1, numRuns: 60 });
}, 120_000);

test.each([true, false])("damaged metadata of a cache gives bytes or an error of ours; checksums made right: %s", async (seal) => {
  const [meta, fast, slow] = ["meta", "fast", "slow"].map((name) => fixtureBytes(`dm/cache2.${name}.img.gz`)) as [Buffer, Buffer, Buffer];
  const used = usedBlocks(meta);
  await fc.assert(fc.asyncProperty(changes(used.length), async (list) => {
    const placed = list.map((change) => ({ ...change, block: used[change.block]! }));
    const bytes = changed(meta, placed);
    const devices = { m: memorySource(seal ? sealed(bytes, meta, placed) : bytes), f: memorySource(fast), s: memorySource(slow) };
    await readsOrRefuses(() => openTarget(parse("0 8192 cache m f s 64 1 writeback smq 0", devices)));
  }), { seed: 1, numRuns: 150 });
}, 120_000);

test("a damaged store of a snapshot gives bytes or an error of ours", async () => {
  const [store, origin] = [fixtureBytes("dm/snapshot-areas.cow.img.gz"), memorySource(Buffer.alloc(8192 * 512))];
  const areas = [0, 1, 258]; // the header, and the areas
  await fc.assert(fc.asyncProperty(changes(areas.length), async (list) => {
    const bytes = changed(store, list.map((change) => ({ ...change, block: areas[change.block]! })));
    await readsOrRefuses(() => openTarget(parse("0 8192 snapshot o c P 8", { o: origin, c: memorySource(bytes) })));
  }), { seed: 1, numRuns: 100 });
}, 120_000);

test("a damaged verity device gives only the bytes that were hashed, or an error that names a block", async () => {
  const [data, hash] = [fixtureBytes("dm/verity-mixed-back.data.img.gz"), fixtureBytes("dm/verity-mixed-back.hash.img.gz")];
  const line = fixtureBytes("dm/verity-mixed-back.table").toString().trim().replace("/dev/mapper/data", "d").replace("/dev/mapper/hash", "h");
  await fc.assert(fc.asyncProperty(changes(hash.length / 4096), changes(data.length / 4096), async (ofHash, ofData) => {
    const source = openTarget(parse(line, { d: memorySource(changed(data, ofData)), h: memorySource(changed(hash, ofHash)) }));
    for (let at = 0; at < source.sizeBytes; at += 1024) {
      const bytes = await source.read(at, 1024).catch((error: Error) => {
        expect(error.message).toMatch(/data block \d+, at byte|the hash block at byte \d+, on level \d/);
        return undefined;
      });
      if (bytes !== undefined) expect(bytes.equals(data.subarray(at, at + 1024))).toBe(true);
    }
  }), { seed: 1, numRuns: 40 });
}, 120_000);
