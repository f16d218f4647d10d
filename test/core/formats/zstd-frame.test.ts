import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { zstdFrameEnd } from "../../../src/core/formats/zstd-frame.ts";

const hasZstd = spawnSync("zstd", ["--version"]).status === 0;
const zstd = (input: Buffer, ...args: string[]) => spawnSync("zstd", ["-q", "-c", ...args], { input, maxBuffer: 1 << 28 }).stdout;
const end = (bytes: Buffer, at = 0) => zstdFrameEnd(bytes, at, "image");

describe.skipIf(!hasZstd)("frames of the zstd program (skipped where it is missing)", () => {
  test.each([
    { what: "nothing", input: Buffer.alloc(0), args: [] },
    { what: "a short text", input: Buffer.from("hello"), args: [] },
    { what: "a block of one byte again and again", input: Buffer.alloc(1 << 20), args: [] },
    { what: "random bytes, which are stored", input: randomBytes(300_000), args: [] },
    { what: "many blocks", input: Buffer.from(randomBytes(200_000).toString("hex").repeat(3)), args: ["-19"] },
    { what: "no checksum", input: Buffer.from("hello"), args: ["--no-check"] },
    { what: "no content size", input: Buffer.from("hello".repeat(1000)), args: ["--no-content-size"] },
  ])("$what: it ends where the next thing begins", ({ input, args }) => {
    const frame = zstd(input, ...args);
    expect(end(Buffer.concat([frame, Buffer.from("070701")]))).toBe(frame.length);
    expect(end(Buffer.concat([Buffer.alloc(7), frame, frame]), 7)).toBe(7 + frame.length);
    for (const length of [3, 5, frame.length - 1]) expect(() => end(frame.subarray(0, length))).toThrow(/it is cut off/);
  });

  test.each([
    { what: "magic", at: 0, value: 0, found: /magic is 0x/ },
    { what: "the type of a block", at: 9, value: 0b110, found: /reserved type/ },
  ])("a wrong $what is refused", ({ at, value, found }) => {
    const frame = zstd(Buffer.from("hello"), "--no-check"); // magic, descriptor, window or size, block
    const place = at === 0 ? 0 : frame.length - 5 - 3;
    frame[place] = value;
    expect(() => end(frame)).toThrow(found);
  });
});
