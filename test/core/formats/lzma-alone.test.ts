import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { decodeLzma } from "../../../src/core/formats/lzma-alone.ts";

const isThere = spawnSync("xz", ["--version"]).status === 0;
const pack = (input: Buffer, ...args: string[]) => spawnSync("xz", ["--format=lzma", "-c", ...args], { input, maxBuffer: 1 << 28 }).stdout;
const unpack = (bytes: Buffer, at = 0, most = 1 << 26) => {
  const { pieces, endBytes } = decodeLzma(bytes, at, "image", most);
  return { content: Buffer.concat(pieces), endBytes };
};

describe.skipIf(!isThere)("what the xz program makes (skipped where it is missing)", () => {
  test.each([
    { what: "nothing", input: Buffer.alloc(0), args: [] },
    { what: "a short text", input: Buffer.from("hello hello hello"), args: [] },
    { what: "a program", input: readFileSync(process.execPath).subarray(0, 1_000_000), args: ["-9"] },
    { what: "random bytes", input: randomBytes(300_000), args: ["-0"] },
    { what: "other properties", input: Buffer.from(randomBytes(100_000).toString("hex")), args: ["--lzma1=lc=0,lp=4,pb=0"] },
    { what: "a dictionary smaller than the content", input: Buffer.concat([randomBytes(9000), Buffer.alloc(50_000, "ab"), randomBytes(9000)]), args: ["--lzma1=dict=4KiB"] },
  ])("$what: content and end are right, whatever follows", ({ input, args }) => {
    const packed = pack(input, ...args);
    for (const behind of [Buffer.alloc(0), Buffer.alloc(9), packed]) {
      const { content, endBytes } = unpack(Buffer.concat([Buffer.alloc(3), packed, behind]), 3);
      expect(content.equals(input)).toBe(true);
      expect(endBytes).toBe(3 + packed.length);
    }
  });

  test("a size in the header ends it, and no marker", () => {
    const packed = pack(Buffer.from("hello world"));
    packed.writeBigUInt64LE(5n, 5);
    expect(unpack(packed).content.toString()).toBe("hello");
  });

  test("cut off, damaged, too large or with a huge dictionary: an error", () => {
    const packed = pack(Buffer.from(randomBytes(5000).toString("hex")));
    for (let length = 1; length < packed.length; length += 61) expect(() => unpack(packed.subarray(0, length))).toThrow(/cut off/);
    expect(() => unpack(packed, 0, 9999)).toThrow(/more than 9999 bytes/);
    const [large, wrong, early] = [Buffer.from(packed), Buffer.from(packed), pack(Buffer.from("abc"))];
    large.writeUInt32LE(0xffff_ffff, 1);
    expect(() => unpack(large)).toThrow(/its dictionary has 4294967295 bytes/);
    wrong[0] = 225;
    expect(() => unpack(wrong)).toThrow(/its properties are 225/);
    early.fill(0xff, 14, 18);
    expect(() => unpack(early)).toThrow(/a copy of what lies \d+ bytes back|cut off/);
  });
});
