import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { MkinitrdError } from "../../../src/core/errors.ts";
import { readImage } from "../../../src/host/image/read.ts";
import { ukiTools } from "../../../tools/uki.js";
import { cpio, directory, file } from "./cpio.ts";
import { pe } from "./pe.ts";

let folder: string;
let image: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "read-"));
  image = join(folder, "initrd.img");
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const limits = { packedBytes: 1 << 20, unpackedBytes: 1 << 24, members: 1000, ratio: 500 };
const pack = (program: string, ...args: string[]) => (input: Buffer) => execFileSync(program, args, { input, maxBuffer: 1 << 28 });
const isThere = (program: string) => spawnSync(program, ["--version"]).error === undefined;

const COMPRESSORS = [
  { format: "gzip", program: "gzip", compress: pack("gzip", "-c") },
  { format: "zstd", program: "zstd", compress: pack("zstd", "-q", "-c", "-19") },
  { format: "xz", program: "xz", compress: pack("xz", "--check=crc32", "--x86", "--lzma2", "-c") },
  { format: "lzma", program: "lzma", compress: pack("lzma", "-c") },
  { format: "lz4", program: "lz4", compress: pack("lz4", "-l", "-c") },
  { format: "bzip2", program: "bzip2", compress: pack("bzip2", "-c") },
  { format: "lzop", program: "lzop", compress: pack("lzop", "-c") },
];

describe.each(COMPRESSORS)("$format", ({ format, program, compress }) => {
  test.skipIf(!isThere(program))(`microcode in front, then an archive that ${program} compressed (skipped where it is missing)`, async () => {
    const early = cpio(directory("kernel"), file("kernel/x86.bin", "ucode"));
    const packed = compress(cpio(file("init", "#!/bin/sh\n".repeat(999))));
    write(early, Buffer.alloc(512 - (early.length % 512)), packed, Buffer.alloc(-packed.length & 3), cpio(file("etc/site", "x")), packed);
    const archives = await readImage(image);
    expect(archives.map((archive) => archive.format)).toEqual(["cpio", format, "cpio", format]);
    expect(archives[1]).toMatchObject({ offsetBytes: 512 * Math.ceil(early.length / 512), packedBytes: packed.length });
    expect((await archives[1]?.parts[0]?.[0]?.read())?.toString()).toBe("#!/bin/sh\n".repeat(999));
  });

  test.skipIf(!isThere(program))("one that unpacks to more than it may is refused (skipped where the program is missing)", async () => {
    write(compress(Buffer.alloc(1 << 20)));
    await expect(readImage(image, { ...limits, unpackedBytes: 99_999 })).rejects.toThrow(new RegExp(`unpacking \\(${format}\\) on .* at byte 0: it unpacks to more than 99999 bytes`));
  });

  test.skipIf(!isThere(program))("one cut off is refused (skipped where the program is missing)", async () => {
    const packed = compress(cpio(file("a", "hello world".repeat(100))));
    for (const length of [20, packed.length >> 1, packed.length - 1]) {
      write(packed.subarray(0, length));
      await expect(readImage(image, limits)).rejects.toThrow(MkinitrdError);
    }
  });
});

test("a program that is missing is named with its package; lzma is read without", async () => {
  const packed = (program: string, ...args: string[]) => spawnSync(program, args, { input: cpio(file("a", "hello")) }).stdout;
  const [xz, lzma] = [packed("xz", "-c"), packed("xz", "--format=lzma", "-c")];
  vi.stubEnv("PATH", folder);
  write(xz);
  await expect(readImage(image)).rejects.toThrow(/unpacking \(xz\).*the xz program is not on this machine\n  next: install it; on Debian: apt-get install xz-utils/);
  write(lzma, Buffer.alloc(-lzma.length & 3), cpio(file("b")));
  expect(await readImage(image)).toMatchObject([{ format: "lzma", packedBytes: lzma.length }, { format: "cpio" }]);
});

test("a unified kernel image is read by its sections, the microcode in front", async () => {
  write(pe({ ".linux": Buffer.from("MZ"), ".initrd": gzipSync(cpio(file("init", "1"))), ".ucode": cpio(directory("kernel")) }));
  expect((await readImage(image)).map(({ format }) => format)).toEqual(["cpio", "gzip"]);
  write(pe({ ".linux": Buffer.from("MZ") }));
  await expect(readImage(image)).rejects.toThrow(/a kernel or another EFI program, without an initrd in it/);
});

const stub = join(ukiTools, "usr/lib/systemd/boot/efi/linuxx64.efi.stub");
test.skipIf(!existsSync(stub))("what ukify makes of an initrd is read as the initrd is (skipped without ukify of Debian stable)", async () => {
  const initrd = join(folder, "initrd");
  writeFileSync(initrd, Buffer.concat([cpio(directory("kernel")), zstdCompressSync(cpio(file("init", "1".repeat(5000))))]));
  writeFileSync(join(folder, "kernel"), "MZ");
  execFileSync(join(ukiTools, "usr/bin/ukify"), ["build", `--linux=${join(folder, "kernel")}`, `--initrd=${initrd}`, `--stub=${stub}`, "--uname=6.1", `--output=${image}`],
    { env: { ...process.env, PYTHONPATH: join(ukiTools, "usr/lib/python3/dist-packages") }, stdio: "pipe" });
  const shape = async (path: string) => (await readImage(path)).map(({ format, packedBytes, unpackedBytes }) => ({ format, packedBytes, unpackedBytes }));
  expect(await shape(image)).toEqual(await shape(initrd));
});

test("several archives in one compression are read, and zero bytes between them", async () => {
  write(gzipSync(Buffer.concat([cpio(file("a", "1")), Buffer.alloc(1000), cpio(file("b", "2")), Buffer.alloc(3)])), gzipSync(cpio(file("c", "3"))));
  const archives = await readImage(image);
  expect(archives.map(({ parts }) => parts.map((part) => part.map(({ path }) => path)))).toEqual([[["a"], ["b"]], [["c"]]]);
});

test.each([
  { what: "nothing", bytes: Buffer.alloc(0), found: /it is empty/ },
  { what: "zero bytes", bytes: Buffer.alloc(5000), found: /nothing but zero bytes/ },
  { what: "a kernel", bytes: Buffer.from("4d5aea07", "hex"), found: /0x4d5aea07, which begins no archive/ },
  { what: "odc", bytes: Buffer.from("0707070000"), found: /old portable format \(odc\)/ },
  { what: "an old binary archive", bytes: Buffer.from("c7710000", "hex"), found: /old binary format/ },
  { what: "LZ4's new frame", bytes: Buffer.from("04224d18", "hex"), found: /the kernel reads the legacy one alone/ },
  { what: "a plain archive at an odd place", bytes: Buffer.concat([cpio(), Buffer.alloc(2), cpio()]), found: /at byte \d+: a plain archive; the kernel takes one only at a multiple of four/ },
  { what: "words behind an archive", bytes: Buffer.concat([cpio(), Buffer.from("junk")]), found: /at byte 124: 0x6a756e6b/ },
  { what: "a damaged gzip checksum", bytes: changed(gzipSync(cpio()), -6), found: /the checksum of the content is 0x/ },
  { what: "too many members", bytes: cpio(...Array.from({ length: 1001 }, (_, i) => file(`f${i}`))), found: /more than 1000 members/ },
  { what: "too many archives", bytes: Buffer.concat(Array.from({ length: 1001 }, () => cpio())), found: /more than 1000 members and archives/ },
])("$what is a clear error", async ({ bytes, found }) => {
  write(bytes);
  await expect(readImage(image, limits)).rejects.toThrow(found);
});

test("a small file that unpacks to more than any image does is refused early", async () => {
  const bomb = Buffer.concat([cpio(), Buffer.alloc(100 << 20)]);
  write(zstdCompressSync(bomb));
  await expect(readImage(image)).rejects.toThrow(/unpacking \(zstd\).*it unpacks to more than 67108864 bytes/);
});

test("a pipe, a directory, nothing, and a file that is too large are refused before they are opened", async () => {
  execFileSync("mkfifo", [join(folder, "pipe")]);
  await expect(readImage(join(folder, "pipe"))).rejects.toThrow(/no regular file/);
  await expect(readImage(folder)).rejects.toThrow(/it is a directory/);
  await expect(readImage(join(folder, "none"))).rejects.toThrow(/no such file/);
  symlinkSync("/dev/zero", join(folder, "zero"));
  await expect(readImage(join(folder, "zero"))).rejects.toThrow(/no regular file/);
  write(Buffer.alloc(limits.packedBytes + 1));
  await expect(readImage(image, limits)).rejects.toThrow(/1048576 are the most/);
});

test("whatever the bytes are, it ends with an image or with an error of ours", async () => {
  const good = Buffer.concat([cpio(file("a", "hello")), zstdCompressSync(cpio(directory("d"), file("d/b", "x"))), gzipSync(cpio(file("c")))]);
  await fc.assert(fc.asyncProperty(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 4 }), fc.nat(good.length), async (changes, length) => {
    const bytes = Buffer.from(good);
    for (const [at, value] of changes) bytes[at] = value;
    write(bytes.subarray(0, length));
    await readImage(image, limits).catch((error: unknown) => expect(error).toBeInstanceOf(MkinitrdError));
  }), { numRuns: 200 });
});

function write(...pieces: Buffer[]): void {
  writeFileSync(image, Buffer.concat(pieces));
}

function changed(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[copy.length + at]! ^= 0xff;
  return copy;
}
