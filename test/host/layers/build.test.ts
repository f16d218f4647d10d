import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { gzipSync, zstdDecompressSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { setTimeout as sleep } from "node:timers/promises";
import { memorySource } from "../../../src/core/binary/source.ts";
import { readNewc, readNewcContent } from "../../../src/core/formats/newc.ts";
import { COMPRESSION_NAMES, COMPRESSIONS } from "../../../src/host/compressions.ts";
import { openFileMemo } from "../../../src/host/file-memo.ts";
import { buildLayer, forgetDamaged } from "../../../src/host/layers/build.ts";
import { chooseCompressor, compress, compressorId, paddingBehind } from "../../../src/host/layers/compress.ts";
import { hashContent } from "../../../src/host/layers/hash.ts";
import type { BuiltLayer, Compression } from "../../../src/host/layers/types.ts";
import type { Entry, PlannedLayer } from "../../../src/host/plan/types.ts";

const has = (program: string) => spawnSync(program, ["--version"]).error === undefined;
const ZSTD: Compression = { format: "zstd", level: 3 };
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "layers-"));
  mkdirSync(join(directory, "host"));
  writeFileSync(join(directory, "host/large"), Buffer.alloc(3_000_001, "some text that repeats "));
});
afterEach(() => rmSync(directory, { recursive: true }));

test.skipIf(!has("cpio"))("cpio unpacks a layer to what was planned (skipped where cpio is missing)", async () => {
  const built = await build(layer());
  const archive = zstdDecompressSync(readFileSync(built.file));
  expect(archive.length).toBe(built.unpackedBytes);
  mkdirSync(join(directory, "out"));
  execFileSync("cpio", ["-i", "--quiet"], { input: archive, cwd: join(directory, "out") });
  expect(readFileSync(join(directory, "out/etc/large")).equals(readFileSync(join(directory, "host/large")))).toBe(true);
  expect(readFileSync(join(directory, "out/etc/text"), "utf8")).toBe("made by the plan");
  expect(statSync(join(directory, "out/etc/text")).mode & 0o777).toBe(0o600);
  expect(statSync(built.file).mode & 0o777).toBe(0o600);
});

test.each([{ compression: ZSTD }, { compression: { format: "none" } as Compression }])(
  "an archive ($compression.format) ends at a 4-byte boundary, whatever its length", async ({ compression }) => {
    for (let length = 0; length < 5; length++) {
      const built = await build(layer("x".repeat(length)), { compression });
      expect(built.bytes % 4).toBe(0);
      expect(statSync(built.file).size).toBe(built.bytes);
    }
  });

test.each([
  { what: "is not there", file: "nowhere", found: "no such file" },
  { what: "is a directory", file: "", found: "it is a directory" },
])("a file that $what is an error that names it, its place in the image, and who wants it", async ({ file, found }) => {
  const entry: Entry = { path: "etc/key", mode: 0o600, reason: "files: of the configuration", type: "file", from: { file: join(directory, "host", file) } };
  const hashing = hashContent({ name: "site", entries: [entry] }, openFileMemo(join(directory, "memo.json")));
  await expect(hashing).rejects.toThrow(`packing /etc/key (files: of the configuration) on ${join(directory, "host", file)}: ${found}\n  next: let the file be read`);
});

test("two builds from two directories with two caches give the same bytes", async () => {
  const first = await build(layer());
  cpSync(join(directory, "host"), join(directory, "elsewhere"), { recursive: true });
  utimesSync(join(directory, "elsewhere/large"), 1, 1);
  const second = await build(layer("made by the plan", "elsewhere"), { cache: "second-cache" });
  expect(second.cacheHit).toBe(false);
  expect(readFileSync(second.file).equals(readFileSync(first.file))).toBe(true);
});

describe("the cache", () => {
  test("gives a layer that was built before, with its sizes", async () => {
    const first = await build(layer());
    const second = await build(layer());
    expect(second).toEqual({ ...first, cacheHit: true });
  });

  test.each([
    { what: "a changed file", change: () => writeFileSync(join(directory, "host/large"), "other") },
    { what: "another text", text: "other text" },
    { what: "another compression", options: { compression: { format: "zstd", level: 4 } as Compression } },
    { what: "another time", options: { mtime: 1 } },
  ])("misses on $what", async ({ change, text, options }) => {
    await build(layer());
    change?.();
    expect((await build(layer(text), options)).cacheHit).toBe(false);
  });

  test.each([
    { what: "was cut short", damage: (file: string, bytes: number) => truncateSync(file, bytes - 4) },
    { what: "has lost its sizes", damage: (file: string) => writeFileSync(`${file}.size`, "") },
  ])("a layer that $what is built again", async ({ damage }) => {
    const { file, bytes } = await build(layer());
    const intact = readFileSync(file);
    damage(file, bytes);
    expect(await build(layer())).toMatchObject({ cacheHit: false, bytes });
    expect(readFileSync(file).equals(intact)).toBe(true);
  });

  test("one that holds zeros, as after a power cut, is forgotten when it is asked for, and an intact one stays", async () => {
    const [damaged, intact] = [await build(layer()), await build(layer("other text"))];
    const before = readFileSync(damaged.file);
    writeFileSync(damaged.file, Buffer.alloc(damaged.bytes));
    expect(forgetDamaged([intact])).toBe(false);
    expect(forgetDamaged([damaged, intact])).toBe(true);
    expect([(await build(layer())).cacheHit, (await build(layer("other text"))).cacheHit]).toEqual([false, true]);
    expect(readFileSync(damaged.file).equals(before)).toBe(true);
  });

  test("two builds at once make one layer and leave nothing behind", async () => {
    const [first, second] = await Promise.all([build(layer()), build(layer())]);
    expect(second.file).toBe(first.file);
    expect(readdirSync(join(directory, "cache")).filter((name) => name.endsWith(".cpio"))).toHaveLength(1);
    expect(readdirSync(join(directory, "cache"))).toHaveLength(2);
  });

  test("a build that fails leaves nothing in it", async () => {
    const broken = layer();
    rmSync(join(directory, "host/large"));
    await expect(buildLayer(broken, { hash: "0".repeat(64), files: new Map() }, { compression: ZSTD, cacheDirectory: join(directory, "cache"), mtime: 0 })).rejects.toThrow(/building the layer tools/);
    expect(existsSync(join(directory, "cache")) ? readdirSync(join(directory, "cache")) : []).toEqual([]);
  });
});

test.for([
  { program: "xz", args: ["-k"], suffix: "xz", decompress: "xz" as const },
  { program: "zstd", args: ["-q", "-k"], suffix: "zst", decompress: "zstd" as const },
  { program: "gzip", args: ["-k"], suffix: "gz", decompress: "gzip" as const },
])("a file that $program compressed is packed as it was before", async ({ program, args, suffix, decompress }, { skip }) => {
  if (!has(program)) skip(`${program} is missing`);
  const file = join(directory, "host/module.ko");
  writeFileSync(file, "module ".repeat(1000));
  execFileSync(program, [...args, file]);
  const entry: Entry = { path: "module.ko", mode: 0o644, reason: "test", type: "file", from: { file: `${file}.${suffix}`, decompress } };
  const built = await build({ name: "modules", entries: [entry] }, { compression: { format: "none" } });
  const source = memorySource(readFileSync(built.file));
  const { members } = await readNewc(source);
  expect((await readNewcContent(source, members[0]!)).equals(readFileSync(file))).toBe(true);
});

describe.each(COMPRESSION_NAMES)("a layer as %s", (format) => {
  const { program, formatArguments, package: debian, levels, magic } = COMPRESSIONS[format];
  const missing = has(program) ? undefined : `${program} is missing`;

  test("is what its own program unpacks, at the least and the most level", async ({ skip }) => {
    if (missing !== undefined) skip(missing);
    const plain = readFileSync((await build(layer(), { compression: { format: "none" } })).file);
    for (const level of [levels.least, levels.most]) {
      const { file, unpackedBytes } = await build(layer(), { compression: { format, level } });
      const packed = readFileSync(file);
      expect(packed.subarray(0, magic.length)).toEqual(magic);
      expect(packed.length % 4).toBe(0);
      const unpacked = spawnSync(program, [...formatArguments.filter((word) => word !== "-l"), "-d", "-c"], { input: packed, maxBuffer: 1 << 24 }).stdout; // what they think of zero bytes behind it is another matter
      expect(unpacked.equals(plain)).toBe(true);
      expect(unpackedBytes).toBe(plain.length);
    }
  });

  test("has the same bytes a second later", async ({ skip }) => {
    if (missing !== undefined) skip(missing);
    const compression: Compression = { format, level: levels.usual };
    const first = await build(layer(), { compression });
    await sleep(format === "lzop" ? 1100 : 0); // it writes the time in seconds
    const second = await build(layer(), { compression, cache: "second-cache" });
    expect(second.cacheHit).toBe(false);
    expect(readFileSync(second.file).equals(readFileSync(first.file))).toBe(true);
  });

  test.skipIf(["zstd", "gzip"].includes(format))("needs its program, and the error names the package", () => {
    const choose = () => chooseCompressor({ format, level: levels.usual }, "/nowhere");
    expect(choose).toThrow(`choosing the compression on ${format}: the program ${program} is not on this machine\n  next: install it (on Debian: apt-get install ${debian})`);
  });
});

describe("a file that changes between its hash and its packing", () => {
  test.each([
    { what: "to other bytes of the same length", entry: {}, change: (file: string) => writeFileSync(file, Buffer.alloc(readFileSync(file).length, 7)) },
    { what: "and is unpacked on the way", entry: { decompress: "gzip" as const }, change: (file: string) => writeFileSync(file, gzipSync("others")) },
  ])("$what is an error, and the cache has nothing", async ({ change, entry }) => {
    const file = join(directory, "host/changing");
    writeFileSync(file, gzipSync("others or not"));
    const planned: PlannedLayer = { name: "tools", entries: [{ path: "f", mode: 0o644, reason: "test", type: "file", from: { file, ...entry } }] };
    const content = await hashContent(planned, openFileMemo(join(directory, "memo.json")));
    change(file);
    const building = buildLayer(planned, content, { compression: { format: "none" }, cacheDirectory: join(directory, "cache"), mtime: 0 });
    await expect(building).rejects.toThrow(/packing on .*changing: it changed while the image was being built\n {2}next: build again/);
    expect(readdirSync(join(directory, "cache"))).toEqual([]);
  });

  test("a file that says it is empty and is not, as those of /proc, is an error with what to do", async () => {
    await expect(build({ name: "tools", entries: [{ path: "f", mode: 0o644, reason: "test", type: "file", from: { file: "/proc/cpuinfo" } }] })).rejects.toThrow(/it says that it has no bytes, and has some, as files of \/proc do\n {2}next: pack a copy of it/);
  });
});

test("another version of the program is another compressor", () => {
  const bin = join(directory, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "xz"), "#!/bin/sh\n", { mode: 0o755 });
  const first = compressorId("xz program", bin);
  writeFileSync(join(bin, "xz"), "#!/bin/sh\n# newer\n");
  expect(compressorId("xz program", bin)).not.toBe(first);
  expect(compressorId("node:zlib", bin)).toBe("node:zlib");
});

test("what the environment says to a program changes nothing", async () => {
  const first = await build(layer());
  process.env["ZSTD_CLEVEL"] = "1";
  process.env["XZ_OPT"] = "--check=sha256";
  try {
    const [zstd, xz] = await Promise.all([build(layer(), { cache: "second-cache" }), build(layer(), { compression: { format: "xz", level: 0 } })]);
    expect(readFileSync(zstd.file).equals(readFileSync(first.file))).toBe(true);
    expect(readFileSync(xz.file).readUInt8(7)).toBe(1); // CRC-32, in the stream's flags. The .xz file format, 2.1.1.2
  } finally {
    delete process.env["ZSTD_CLEVEL"];
    delete process.env["XZ_OPT"];
  }
});

test("behind lz4 at least four zero bytes end it for the kernel, which reads on until a chunk's length is zero", () => {
  for (const length of [0, 1, 2, 3]) {
    expect((length + paddingBehind("lz4", length).length) % 4).toBe(0);
    expect(paddingBehind("lz4", length).length).toBeGreaterThanOrEqual(4);
    expect(paddingBehind("xz", length).length).toBeLessThan(4);
  }
});

test("without the zstd program Node's own compresses, as one frame", async () => {
  expect(chooseCompressor(ZSTD, "/nowhere")).toBe("node:zlib");
  const pieces: Buffer[] = [];
  const output = new Writable({ write: (chunk: Buffer, _, done) => (pieces.push(chunk), done()) });
  await compress(oneByOne(), output, ZSTD, "node:zlib");
  const packed = Buffer.concat(pieces);
  expect(zstdDecompressSync(packed).length).toBe(500_000);
  expect(packed.indexOf(Buffer.from("28b52ffd", "hex"), 1)).toBe(-1); // the magic of a second frame

  async function* oneByOne(): AsyncGenerator<Buffer> {
    for (let count = 0; count < 50; count++) yield Buffer.alloc(10_000, count);
  }
});

function layer(text = "made by the plan", host = "host"): PlannedLayer {
  return {
    name: "tools",
    entries: [
      { path: "etc", mode: 0o755, reason: "test", type: "directory" },
      { path: "etc/large", mode: 0o644, reason: "test", type: "file", from: { file: join(directory, host, "large") } },
      { path: "etc/link", mode: 0o777, reason: "test", type: "link", target: "large" },
      { path: "etc/text", mode: 0o600, reason: "test", type: "file", from: { bytes: Buffer.from(text) } },
    ],
  };
}

async function build(planned: PlannedLayer, options: { compression?: Compression; cache?: string; mtime?: number } = {}): Promise<BuiltLayer> {
  const contentHash = await hashContent(planned, openFileMemo(join(directory, "memo.json")));
  return buildLayer(planned, contentHash, {
    compression: options.compression ?? ZSTD,
    cacheDirectory: join(directory, options.cache ?? "cache"),
    mtime: options.mtime ?? 0,
  });
}
