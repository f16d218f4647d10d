import { expect, test } from "vitest";
import { memorySource } from "../../../src/core/binary/source.ts";
import { probeUfs } from "../../../src/core/formats/ufs.ts";
import { blkidMissing, blkidOf } from "../../fixtures/blkid-run.ts";

// No tool of Debian makes one: test/corpora/ reads a real UFS2 where it is there. Here the few fields, as fs.h has them.
interface Fields { at: number; magic: number; block?: number; fragment?: number; bigEndian?: boolean; label?: string; sizeBytes?: number }

function ufs({ at, magic, block = 16384, fragment = 2048, bigEndian = false, label = "", sizeBytes = 300 * 1024 }: Fields) {
  const bytes = Buffer.alloc(sizeBytes);
  const put = (offset: number, value: number) => (bigEndian ? bytes.writeUInt32BE(value, at + offset) : bytes.writeUInt32LE(value, at + offset));
  put(48, block);
  put(52, fragment);
  put(144, 0x4b0e640a);
  put(148, 0xec56ac70);
  put(1372, magic);
  bytes.write(label, at + 680);
  return memorySource(bytes, "ufs.img");
}

test.each([
  { name: "UFS2 at 64 KiB", fields: { at: 65536, magic: 0x19540119, label: "ROOT" }, version: "2", label: "ROOT" },
  { name: "UFS1 at 8 KiB, which has no label", fields: { at: 8192, magic: 0x00011954, label: "junk" }, version: "1" },
  { name: "a big-endian UFS2 at 256 KiB", fields: { at: 262144, magic: 0x19540119, bigEndian: true }, version: "2" },
  { name: "UFS1 on a floppy disk", fields: { at: 0, magic: 0x00011954, fragment: 512, block: 4096 }, version: "1", blockSizeBytes: 512 },
])("$name is known", async ({ fields, version, label, blockSizeBytes = 2048 }) => {
  expect(await probeUfs(ufs(fields))).toEqual({ type: "ufs", version, uuid: "4b0e640aec56ac70", ...(label === undefined ? {} : { label }), blockSizeBytes });
});

test.each([
  { block: 16384, fragment: 100 },
  { block: 16384, fragment: 0 },
  { block: 131072, fragment: 16384 },
  { block: 16384, fragment: 1024 },
])("blocks of $block bytes and fragments of $fragment are refused", async (sizes) => {
  await expect(probeUfs(ufs({ at: 65536, magic: 0x19540119, ...sizes }))).rejects.toThrow(/a block is \d+ bytes, a fragment of one \d+/);
});

test("without the magic, or where the source ends before it, it is no UFS", async () => {
  expect(await probeUfs(ufs({ at: 65536, magic: 0x12345678 }))).toBeUndefined();
  expect(await probeUfs(memorySource(Buffer.alloc(100), "short"))).toBeUndefined();
});

const missing = blkidMissing();
test.skipIf(missing !== undefined)(`blkid says the same${missing === undefined ? "" : ` (skipped: ${missing})`}`, async () => {
  const disk = ufs({ at: 65536, magic: 0x19540119, label: "ROOT", sizeBytes: 1024 * 1024 });
  expect(blkidOf([{ at: 0, bytes: await disk.read(0, disk.sizeBytes) }], disk.sizeBytes)).toMatchObject({ TYPE: "ufs", UUID: "4b0e640aec56ac70", LABEL: "ROOT" });
});
