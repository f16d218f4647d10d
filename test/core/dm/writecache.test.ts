import { expect, test } from "vitest";
import { memorySource } from "../../../src/core/binary/source.ts";
import { openTable } from "../../../src/core/dm/table.ts";
import { openTarget } from "../../../src/core/dm/open-target.ts";
import { parseTable, tableLines } from "../../../src/core/dm/table-text.ts";

const BLOCK = 4096;

/** Field by field, from drivers/md/dm-writecache.c. */
function fastDevice(entries: [sector: bigint, sequence: bigint][], { blocks = entries.length, magic = 0x23489321, sequence = 5n, version = 1, blockBytes = BLOCK } = {}): Buffer {
  const bytes = Buffer.alloc(BLOCK * (1 + entries.length));
  bytes.writeUInt32LE(magic, 0);
  bytes.writeUInt32LE(version, 4);
  bytes.writeUInt32LE(blockBytes, 8);
  bytes.writeBigUInt64LE(BigInt(blocks), 16);
  bytes.writeBigUInt64LE(sequence, 24);
  for (const [index, [sector, number]] of entries.entries()) {
    bytes.writeBigUInt64LE(sector, 64 + 16 * index);
    bytes.writeBigUInt64LE(number, 72 + 16 * index);
    bytes.fill(`fast ${index} `, BLOCK * (1 + index), BLOCK * (2 + index));
  }
  return bytes;
}

function open(fast: Buffer, options = "0") {
  const devices: Record<string, Buffer> = { "8:0": Buffer.alloc(4 * BLOCK, "slow"), "8:1": fast };
  const line = `0 32 writecache s 8:0 8:1 ${BLOCK} ${options}`;
  const [table] = parseTable(line, (path) => (devices[path] === undefined ? undefined : { path, source: memorySource(devices[path], path) }));
  expect(tableLines(table!.targets)).toEqual([line]);
  return openTable("wc", table!.targets, openTarget);
}
const heads = async (fast: Buffer, options?: string) => {
  const bytes = await open(fast, options).read(0, 4 * BLOCK);
  return [0, 1, 2, 3].map((block) => bytes.toString("latin1", block * BLOCK, block * BLOCK + 6));
};
const FREE = 2n ** 64n - 1n;

test("what was committed is read from the fast device, of two entries the later; all else from the origin", async () => {
  expect(await heads(fastDevice([[8n, 1n], [24n, 5n], [FREE, FREE], [8n, 3n]]))).toEqual(["slowsl", "fast 3", "slowsl", "slowsl"]);
  expect((await open(fastDevice([[8n, 1n]])).read(BLOCK - 2, 4)).toString()).toBe("owfa");
  expect(await heads(Buffer.concat([Buffer.alloc(8 * 512), fastDevice([[0n, 4n]])]), "2 start_sector 8")).toEqual(["fast 0", "slowsl", "slowsl", "slowsl"]);
});

test("a fast device that was never used hides nothing", async () => {
  expect(await heads(Buffer.alloc(2 * BLOCK))).toEqual(["slowsl", "slowsl", "slowsl", "slowsl"]);
});

test.each([
  { what: "another magic", fast: fastDevice([[8n, 1n]], { magic: 0x12345678 }), found: /the magic is 0x12345678, not 0x23489321/ },
  { what: "another version", fast: fastDevice([[8n, 1n]], { version: 2 }), found: /the version is 2; known: 1/ },
  { what: "blocks of another size", fast: fastDevice([[8n, 1n]], { blockBytes: 512 }), found: /its blocks have 512 bytes, its table says 4096/ },
  { what: "more blocks than fit", fast: fastDevice([[8n, 1n]], { blocks: 9 }), found: /9 blocks of 4096 bytes from byte 4096 on do not fit into 8192/ },
  { what: "more blocks than memory", fast: fastDevice([[8n, 1n]], { blocks: 2 ** 40 }), found: /at most 8388608 can be read here/ },
  { what: "a sector between blocks", fast: fastDevice([[9n, 1n]]), found: /entry 0 is for sector 9, where no block of 4096 bytes begins/ },
  { what: "two entries of one number", fast: fastDevice([[8n, 1n], [8n, 1n]]), found: /entries 0 and 1 are both for sector 8/ },
])("$what is an error", async ({ fast, found }) => {
  await expect(open(fast).read(0, 1)).rejects.toThrow(found);
});
