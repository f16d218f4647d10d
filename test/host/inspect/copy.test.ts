import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openFile } from "../../../src/core/binary/file.ts";
import { memorySource, type Source } from "../../../src/core/binary/source.ts";
import { openTable } from "../../../src/core/dm/table.ts";
import { MkinitrdError } from "../../../src/core/errors.ts";
import { dumpVolume, type DumpOptions } from "../../../src/host/inspect/dump.ts";

const MIB = 1024 * 1024;
let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "dump-"))));
afterEach(() => rmSync(folder, { recursive: true }));

/** 9 MiB and 512 bytes: a piece, one of zeros, one that is not whole. */
function content(): Buffer {
  const bytes = Buffer.alloc(9 * MIB + 512);
  for (let at = 0; at < 4 * MIB; at += 4) bytes.writeUInt32LE(at, at);
  bytes.fill(0xa5, 8 * MIB);
  return bytes;
}

/** A disk that can't read some blocks of 512 bytes. */
function broken(bytes: Buffer, bad: readonly number[]): Source {
  const source = memorySource(bytes, "disk");
  return {
    ...source,
    async read(offsetBytes, lengthBytes) {
      const hit = bad.find((at) => at < offsetBytes + lengthBytes && at + 512 > offsetBytes);
      if (hit !== undefined) throw new MkinitrdError({ tried: "reading", on: "disk", found: `the device reports an I/O error at byte ${hit}` });
      return source.read(offsetBytes, lengthBytes);
    },
  };
}

const dump = (source: Source, options: Partial<DumpOptions> = {}) => dumpVolume(source, join(folder, "out.img"), { fill: false, sha256: false, resume: false, progress: () => {}, ...options });

test("the file has the bytes, holes where they are zero, and the digest that sha256sum prints", async () => {
  const bytes = content();
  const { sha256, unreadable } = await dump(memorySource(bytes, "disk"), { sha256: true });
  const file = join(folder, "out.img");
  expect(readFileSync(file).equals(bytes)).toBe(true);
  expect(statSync(file).blocks * 512).toBeLessThan(6 * MIB);
  expect(execFileSync("sha256sum", [file], { encoding: "utf8" }).split(" ")[0]).toBe(sha256);
  expect([unreadable, statSync(file).mode & 0o777, readdirSync(folder)]).toEqual([[], 0o600, ["out.img"]]);
});

test("a linear volume of a file, which is read into memory that is kept, has its bytes", async () => {
  const bytes = Buffer.from(Array.from({ length: 5 * MIB + 1536 }, (_, at) => (at * 2654435761) >>> 24));
  writeFileSync(join(folder, "disk.img"), bytes);
  const disk = await openFile(join(folder, "disk.img"));
  const lv = openTable("vg0/lv0", [{ type: "linear", startSector: 0, lengthSectors: (bytes.length - 512) / 512, device: { path: "disk", source: disk }, deviceSector: 1 }]);
  expect(lv.readInto).toBeDefined();
  const { sha256 } = await dump(lv, { sha256: true });
  expect(readFileSync(join(folder, "out.img")).equals(bytes.subarray(512))).toBe(true);
  expect(execFileSync("sha256sum", [join(folder, "out.img")], { encoding: "utf8" }).split(" ")[0]).toBe(sha256);
  await disk.close!();
});

test.each([0, 1, 511, 4 * MIB, 4 * MIB + 1])("a volume of %d bytes, all zero, is as long", async (length) => {
  await dump(memorySource(Buffer.alloc(length), "disk"));
  expect(statSync(join(folder, "out.img")).size).toBe(length);
});

describe("a disk with blocks that can't be read", () => {
  test("is an error that names the range, and leaves nothing", async () => {
    await expect(dump(broken(content(), [4 * MIB + 5000]))).rejects.toThrow(`copying on disk, bytes ${4 * MIB + 4096} to ${4 * MIB + 8191}: reading on disk: the device reports an I/O error`);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("--fill has zeros in their place, all the rest, and a list", async () => {
    const bytes = content();
    const { unreadable } = await dump(broken(bytes, [100, 4096, 8 * MIB + 512]), { fill: true });
    expect(unreadable.map(({ startBytes, lengthBytes }) => [startBytes, lengthBytes])).toEqual([[0, 8192], [8 * MIB, 4096]]);
    bytes.fill(0, 0, 8192);
    bytes.fill(0, 8 * MIB, 8 * MIB + 4096);
    expect(readFileSync(join(folder, "out.img")).equals(bytes)).toBe(true);
  });
});

test("what is missing at even distances, as a leg of stripes is, is one entry of the list, however often", async () => {
  const bytes = Buffer.alloc(96 * MIB, 0xa5);
  const source: Source = {
    ...memorySource(bytes, "disk"),
    // Every other 4096 bytes; 12288 ranges, more than a list of them may have.
    read(offsetBytes, lengthBytes) {
      const isHere = lengthBytes <= 4096 && offsetBytes % 8192 === 0;
      return isHere ? Promise.resolve(bytes.subarray(offsetBytes, offsetBytes + lengthBytes)) : Promise.reject(new MkinitrdError({ tried: "reading", on: "pv1", found: "it is missing" }));
    },
  };
  delete source.readInto;
  const { unreadable } = await dump(source, { fill: true });
  expect(unreadable).toEqual([{ startBytes: 4096, lengthBytes: 4096, times: 12_288, everyBytes: 8192, why: "reading on pv1: it is missing" }]);
  for (let at = 4096; at < bytes.length; at += 8192) bytes.fill(0, at, at + 4096);
  expect(readFileSync(join(folder, "out.img")).equals(bytes)).toBe(true);
});

describe("resuming", () => {
  test("goes on with what an ended dump left, and the digest is that of the whole", async () => {
    const bytes = content();
    await expect(dump(broken(bytes, [8 * MIB]), { resume: true })).rejects.toThrow(/can't be read/);
    expect(readdirSync(folder)).toEqual(["out.img.part"]);
    const { fromBytes, sha256 } = await dump(memorySource(bytes, "disk"), { resume: true, sha256: true });
    expect(fromBytes).toBe(4 * MIB);
    expect(readFileSync(join(folder, "out.img")).equals(bytes)).toBe(true);
    expect(execFileSync("sha256sum", [join(folder, "out.img")], { encoding: "utf8" }).split(" ")[0]).toBe(sha256);
    expect(readdirSync(folder)).toEqual(["out.img"]);
  });

  test("ranges that an earlier run has filled with zeros are in the list, also when this one fills none", async () => {
    const bytes = content();
    const ended = { ...broken(bytes, [100, 8 * MIB]), read: async (offset: number, length: number) => {
      if (offset >= 8 * MIB) throw new Error("the plug was pulled");
      return broken(bytes, [100]).read(offset, length);
    } };
    await expect(dump(ended, { fill: true, resume: true })).rejects.toThrow(/the plug was pulled/);
    expect(readdirSync(folder).sort()).toEqual(["out.img.part", "out.img.part.zeros"]);
    const { unreadable } = await dump(memorySource(bytes, "disk"), { resume: true });
    expect(unreadable.map(({ lengthBytes, startBytes }) => [startBytes, lengthBytes])).toEqual([[0, 4096]]);
    expect(readdirSync(folder)).toEqual(["out.img"]);
  });

  test("a list of another part is not believed: one that is begun anew has its own", async () => {
    writeFileSync(join(folder, "out.img.part"), content().subarray(0, MIB));
    writeFileSync(join(folder, "out.img.part.zeros"), JSON.stringify([{ startBytes: 4096, lengthBytes: 4096, why: "x" }]));
    const { fromBytes, unreadable } = await dump(memorySource(content(), "disk"), { resume: true });
    expect([fromBytes, unreadable, readdirSync(folder)]).toEqual([0, [], ["out.img"]]);
  });

  test("a part that is longer than the volume is of another one", async () => {
    writeFileSync(join(folder, "out.img.part"), Buffer.alloc(10 * MIB));
    await expect(dump(memorySource(content(), "disk"), { resume: true })).rejects.toThrow(/it is of another volume/);
    expect(existsSync(join(folder, "out.img.part"))).toBe(true);
  });
});
