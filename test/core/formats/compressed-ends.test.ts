import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { MkinitrdError } from "../../../src/core/errors.ts";
import { bzip2StreamEnd } from "../../../src/core/formats/bzip2-stream.ts";
import { lz4LegacyEnd } from "../../../src/core/formats/lz4-legacy.ts";
import { lzopFileEnd } from "../../../src/core/formats/lzop-file.ts";
import { xzStreamEnd } from "../../../src/core/formats/xz-stream.ts";

const FORMATS = [
  { program: "xz", end: xzStreamEnd, ways: [["--check=crc32"], ["--check=none"], ["--check=sha256", "-9"], ["--x86", "--lzma2=dict=1MiB"], ["-T2", "--block-size=65536"]] },
  { program: "lz4", end: lz4LegacyEnd, ways: [["-l"], ["-l", "-9"]] },
  { program: "bzip2", end: bzip2StreamEnd, ways: [["-1"], ["-9"]] },
  { program: "lzop", end: lzopFileEnd, ways: [["-1"], ["-9"], ["-C"], ["--crc32"], ["--no-checksum"]] },
];
const CONTENTS = [
  { what: "nothing", input: Buffer.alloc(0) },
  { what: "a short text", input: Buffer.from("hello") },
  { what: "one byte again and again", input: Buffer.alloc(1 << 20) },
  { what: "random bytes, which are stored", input: randomBytes(300_000) },
  { what: "many blocks", input: Buffer.from(randomBytes(500_000).toString("hex")) },
];

describe.each(FORMATS)("what the $program program makes (skipped where it is missing)", ({ program, end, ways }) => {
  const isThere = spawnSync(program, ["--version"]).error === undefined;
  const compress = (input: Buffer, ...args: string[]) => spawnSync(program, ["-c", ...args], { input, maxBuffer: 1 << 28 }).stdout;
  const cases = ways.flatMap((args) => CONTENTS.map((content) => ({ args, words: args.join(" "), ...content })));

  test.skipIf(!isThere).each(cases)("$words, $what: it ends where the next thing begins", ({ args, input }) => {
    const packed = compress(input, ...args);
    expect(end(Buffer.concat([packed, Buffer.from("0707")]), 0, "image")).toBe(packed.length);
    expect(end(Buffer.concat([Buffer.alloc(8), packed, Buffer.alloc(4), packed]), 8, "image")).toBe(8 + packed.length);
    expect(end(packed, 0, "image")).toBe(packed.length);
  });

  test.skipIf(!isThere)("cut off anywhere, it is an error and not an end", () => {
    const packed = compress(Buffer.from(randomBytes(20_000).toString("hex")));
    if (program === "lz4") return expect(() => end(packed.subarray(0, -1), 0, "image")).not.toThrow(); // not legacy: the caller has looked
    for (let length = 12; length < packed.length; length += 97) expect(() => end(packed.subarray(0, length), 0, "image")).toThrow(/at byte 0: it is cut off/);
  });

  test.skipIf(!isThere)("with a changed byte it is an error of ours, or an end inside of what there is", () => {
    const packed = compress(Buffer.from(randomBytes(3000).toString("hex")));
    for (let at = 0; at < packed.length; at += at < 64 ? 1 : 13) {
      for (const value of [0, 0xff, packed[at]! ^ 1]) {
        const changed = Buffer.from(packed);
        changed[at] = value;
        try {
          const found = end(changed, 0, "image");
          expect([Number.isSafeInteger(found), found >= 0, found <= packed.length]).toEqual([true, true, true]);
        } catch (error) {
          expect(error).toBeInstanceOf(MkinitrdError);
        }
      }
    }
  });
});

test.skipIf(spawnSync("lz4", ["--version"]).error !== undefined)("a block of an LZ4 frame that is cut off is an error (skipped where lz4 is missing)", () => {
  const packed = spawnSync("lz4", ["-c", "-l"], { input: randomBytes(1000) }).stdout;
  expect(() => lz4LegacyEnd(packed.subarray(0, -1), 0, "image")).toThrow(/cut off/);
});
