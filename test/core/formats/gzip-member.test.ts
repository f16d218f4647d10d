import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { inflateRawSync } from "node:zlib";
import { gzipDataStart } from "../../../src/core/formats/gzip-member.ts";

const CONTENT = "hello, hello, hello\n";
const isThere = spawnSync("gzip", ["--version"]).error === undefined;
/** What the gzip program writes: with a name where it packs a file. */
const packed = isThere ? spawnSync("gzip", ["-c", "-n"], { input: CONTENT }).stdout : Buffer.alloc(0);
/** All that RFC 1952, section 2.3 knows: extra field, name, comment, header's checksum. */
const full = Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0x1e, 0, 0, 0, 0, 0, 3, 4, 0]), Buffer.from("abcdname\0comment\0"), Buffer.from([0x12, 0x34]), packed.subarray(10)]);

describe.skipIf(!isThere)("a member of the gzip program (skipped where it is missing)", () => {
  test.each([{ what: "as it is", bytes: packed, at: 0 }, { what: "with every field", bytes: full, at: 0 }, { what: "behind something else", bytes: Buffer.concat([Buffer.alloc(7), full]), at: 7 }])("$what: behind its header lie the data", ({ at, bytes }) => {
    expect(inflateRawSync(bytes.subarray(gzipDataStart(bytes, at, "image"))).toString()).toBe(CONTENT);
  });


  test.each([{ what: "the method", at: 2, value: 7 }, { what: "the flags", at: 3, value: 0xe0 }])("a changed byte in $what is refused", ({ at, value }) => {
    const changed = Buffer.from(packed);
    changed[at] = value;
    expect(() => gzipDataStart(changed, 0, "image")).toThrow(/image at byte 0/);
  });

  test("a header that is cut off is refused, wherever", () => {
    for (let length = 0; length < full.length - packed.length + 10; length++) expect(() => gzipDataStart(full.subarray(0, length), 0, "image")).toThrow(/image at byte 0: it is cut off/);
  });
});
