import { spawnSync } from "node:child_process";
import { expect, test, vi } from "vitest";
import { decompressLzma } from "../../../src/host/image/lzma.ts";
import { cpio, file } from "./cpio.ts";

vi.mock("../../../src/core/formats/lzma-alone.ts", () => ({
  decodeLzma: () => {
    throw new Error("our own decoder was asked");
  },
}));

/** xz 5.4.1 made it of an archive; its own last two bytes are zero. */
const ENDS_IN_ZEROES = Buffer.from("XQAAgAD//////////wAYDd0EY5xyG3ahwCjxdlgz0k6ij/J1YM2ZEkFcuuKlnOSvWhu1jo2euk69ToMTY4r9cf//DsQAAA==", "base64");

test.skipIf(spawnSync("xz", ["--version"]).error !== undefined).each([
  { behind: "nothing", bytes: Buffer.alloc(0) },
  { behind: "zero bytes", bytes: Buffer.alloc(6) },
  { behind: "another of its kind", bytes: Buffer.concat([Buffer.alloc(-ENDS_IN_ZEROES.length & 3), ENDS_IN_ZEROES]) },
  { behind: "a plain archive", bytes: Buffer.concat([Buffer.alloc(-ENDS_IN_ZEROES.length & 3), cpio(file("b"))]) },
])("an archive that ends in zero bytes and has $behind behind it is the xz program's, the quicker one (skipped where it is missing)", async ({ bytes }) => {
  const { pieces, endBytes } = await decompressLzma(Buffer.concat([ENDS_IN_ZEROES, bytes]), 0, "image", 1 << 20);
  expect(Buffer.concat(pieces).toString("latin1")).toMatch(/^070701[^]{104}a\x000[^]*TRAILER!!!\0+$/);
  expect(endBytes).toBe(ENDS_IN_ZEROES.length);
});

test("what the program does not make sense of is our decoder's", async () => {
  await expect(decompressLzma(Buffer.concat([ENDS_IN_ZEROES, Buffer.from("junk")]), 0, "image", 1 << 20)).rejects.toThrow("our own decoder was asked");
});
