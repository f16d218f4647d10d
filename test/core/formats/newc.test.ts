import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { memorySource } from "../../../src/core/binary/source.ts";
import { MkinitrdError } from "../../../src/core/errors.ts";
import {
  encodeNewcHead, encodeNewcTrailer, newcPadding, readNewc, readNewcContent, type NewcHead,
} from "../../../src/core/formats/newc.ts";

const hasCpio = has("cpio");
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "newc-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe.skipIf(!hasCpio)("with the cpio program (skipped where cpio is missing)", () => {
  test("cpio unpacks files, directories, links and nodes of ours", () => {
    const bytes = archive([
      [{ path: "etc", type: "directory", mode: 0o755, sizeBytes: 0 }, ""],
      [{ path: "etc/odd", type: "file", mode: 0o640, sizeBytes: 5 }, "12345"],
      [{ path: "etc/empty", type: "file", mode: 0o600, sizeBytes: 0 }, ""],
      [{ path: "etc/lïnk", type: "link", mode: 0o777, sizeBytes: 3 }, "odd"],
      [{ path: "console", type: "node", mode: 0o600, sizeBytes: 0, major: 5, minor: 1 }, ""],
    ]);
    const names = execFileSync("cpio", ["-it", "--quiet"], { input: bytes, encoding: "utf8" });
    expect(names.trim().split("\n")).toEqual(["etc", "etc/odd", "etc/empty", "etc/lïnk", "console"]);
    execFileSync("cpio", ["-i", "--quiet", "--preserve-modification-time"], { input: bytes, cwd: directory });
    expect(readFileSync(join(directory, "etc/odd"), "utf8")).toBe("12345");
    expect(statSync(join(directory, "etc/odd")).mode & 0o7777).toBe(0o640);
    expect(statSync(join(directory, "etc/odd")).mtimeMs).toBe(1_000_000_000_000);
    expect(readlinkSync(join(directory, "etc/lïnk"))).toBe("odd");
    const listing = execFileSync("cpio", ["-itv", "--quiet"], { input: bytes, encoding: "utf8" });
    expect(listing).toMatch(/^crw-------\s+1 root\s+root\s+5,\s+1 .* console$/m);
  });

  test.each([{ format: "newc" }, { format: "crc" }])("we read what cpio -H $format writes", async ({ format }) => {
    mkdirSync(join(directory, "d"));
    writeFileSync(join(directory, "d/file"), "hello");
    chmodSync(join(directory, "d/file"), 0o751);
    symlinkSync("file", join(directory, "d/link"));
    const bytes = execFileSync("cpio", ["-o", "-H", format, "--quiet"], { input: "d\nd/file\nd/link\n", cwd: directory });
    const source = memorySource(bytes);
    const { members, endBytes } = await readNewc(source);
    expect(members.map(({ path, type }) => ({ path, type }))).toEqual([
      { path: "d", type: "directory" }, { path: "d/file", type: "file" }, { path: "d/link", type: "link" },
    ]);
    expect(members[1]).toMatchObject({ mode: 0o751, sizeBytes: 5, links: 1 });
    expect((await readNewcContent(source, members[1]!)).toString()).toBe("hello");
    expect((await readNewcContent(source, members[2]!)).toString()).toBe("file");
    expect(bytes.subarray(endBytes).every((byte) => byte === 0)).toBe(true);
  });
});

describe("hostile archives", () => {
  const good = archive([[{ path: "a", type: "file", mode: 0o600, sizeBytes: 4 }, "abcd"]]);

  test.each([
    { what: "magic", at: 0, bytes: "1", found: /magic is "170701"/ },
    { what: "a field", at: 54, bytes: "x", found: /sizeBytes is "x0000004"/ },
    { what: "the size", at: 54, bytes: "f", found: /has 4026531844 bytes from byte 112 on, but the archive ends/ },
    { what: "the name's length", at: 94, bytes: "f", found: /a name has 4026531842 bytes/ },
    { what: "the name's length to nothing", at: 101, bytes: "0", found: /a name has 0 bytes/ },
    { what: "the name's end", at: 111, bytes: "b", found: /a name of 2 bytes is empty, has no zero byte at its end/ },
  ])("a change of $what is refused", async ({ at, bytes, found }) => {
    const changed = Buffer.from(good);
    changed.write(bytes, at);
    await expect(readNewc(memorySource(changed))).rejects.toThrow(found);
  });

  test("an archive cut short anywhere before its end is refused", async () => {
    const end = good.length - 3; // the trailer's padding may be missing
    for (let length = 0; length < end; length++) {
      await expect(readNewc(memorySource(good.subarray(0, length)))).rejects.toThrow(MkinitrdError);
    }
  });

  test("a name cannot bring control characters into a message", async () => {
    const changed = Buffer.from(good);
    changed.write("\x1b", 110);
    changed.write("f", 54);
    await expect(readNewc(memorySource(changed))).rejects.toThrow(/at byte 0: \? has/);
  });

  test("a file whose sum differs is refused", async () => {
    const summed = Buffer.from(good);
    summed.write("070702", 0);
    summed.write("0000018b", 102); // a+b+c+d is 0x18a
    const source = memorySource(summed);
    const { members } = await readNewc(source);
    await expect(readNewcContent(source, members[0]!)).rejects.toThrow("the sum of a is 0x0000018a, its header says 0x0000018b");
  });
});

test("data begins where it is asked to, by zero bytes behind the name; something else behind it is refused", async () => {
  for (let length = 1; length <= 20; length++) {
    const [head, path] = [{ type: "file", mode: 0o600, sizeBytes: 4 } as const, "n".repeat(length)];
    const before = encodeNewcHead({ type: "directory", mode: 0o700, sizeBytes: 0, path: "d" }, 1, 0);
    const bytes = Buffer.concat([before, encodeNewcHead({ ...head, path }, 2, 0, { offsetBytes: before.length, alignBytes: 16 }), Buffer.from("data"), encodeNewcTrailer()]);
    const { members } = await readNewc(memorySource(bytes));
    expect(members[1]).toMatchObject({ path, sizeBytes: 4 });
    expect([members[1]!.dataOffsetBytes % 16, bytes.indexOf("data")]).toEqual([0, members[1]!.dataOffsetBytes]);
    if (bytes.indexOf("data") - before.length - 110 - length < 2) continue; // no room behind the name
    bytes[bytes.indexOf("data") - 1] = 0x62;
    await expect(readNewc(memorySource(bytes))).rejects.toThrow(/something behind the first one/);
  }
});

test.each([
  { head: { path: "x".repeat(4096) }, found: /name has 4097 bytes/ },
  { head: { sizeBytes: 2 ** 32 }, found: /sizeBytes is 4294967296/ },
])("what the format cannot hold is not written: $found", ({ head, found }) => {
  expect(() => encodeNewcHead({ path: "a", type: "file", mode: 0o600, sizeBytes: 0, ...head }, 1, 0)).toThrow(found);
});

function archive(members: [NewcHead, string][]): Buffer {
  const parts = members.flatMap(([head, content], index) => {
    return [encodeNewcHead(head, index + 1, 1_000_000_000), Buffer.from(content), newcPadding(head.sizeBytes)];
  });
  return Buffer.concat([...parts, encodeNewcTrailer()]);
}

function has(program: string): boolean {
  try {
    execFileSync(program, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
