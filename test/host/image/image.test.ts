import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isInPlace, writeImage } from "../../../src/host/image/image.ts";
import type { BuiltLayer } from "../../../src/host/layers/types.ts";

let directory: string;
let output: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "image-"));
  mkdirSync(join(directory, "boot"));
  output = join(directory, "boot/initrd.img");
});
afterEach(() => rmSync(directory, { recursive: true }));

test("an image is its layers one behind the other, for its owner only", async () => {
  expect(await writeImage([layer("a", "1234"), layer("b", "56789012")], output)).toBe(12);
  expect(readFileSync(output, "utf8")).toBe("123456789012");
  expect(statSync(output).mode & 0o777).toBe(0o600);
});

test("an old image, even one that others may read, is replaced", async () => {
  writeFileSync(output, "old");
  chmodSync(output, 0o644);
  await writeImage([layer("a", "1234")], output);
  expect(readFileSync(output, "utf8")).toBe("1234");
  expect(statSync(output).mode & 0o777).toBe(0o600);
});

test("the image before it stays as .old where that is asked for, and takes the place of the one before that", async () => {
  for (const text of ["1", "22", "333"]) await writeImage([layer("a", text)], output, { keepOld: true });
  expect(readFileSync(output, "utf8")).toBe("333");
  expect(readFileSync(`${output}.old`, "utf8")).toBe("22");
  await writeImage([layer("a", "333")], output, { keepOld: true }); // the same once more: the way back stays
  expect(readFileSync(`${output}.old`, "utf8")).toBe("22");
  await writeImage([layer("a", "4444")], output);
  expect(readFileSync(`${output}.old`, "utf8")).toBe("22");
  expect(readdirSync(join(directory, "boot"))).toEqual(["initrd.img", "initrd.img.old"]);
});

test("an image that does not pass its check is not put in place, and leaves nothing; it is whole when it is checked", async () => {
  writeFileSync(output, "old");
  let seen = "";
  const check = async (aside: string) => {
    seen = readFileSync(aside, "utf8");
    throw new Error("it does not boot");
  };
  await expect(writeImage([layer("a", "1234")], output, { check, keepOld: true })).rejects.toThrow("it does not boot");
  expect(seen).toBe("1234");
  onlyTheOldOne();
});

test("an output that is the image already is known by its bytes, and by who may read it", async () => {
  const layers = [layer("a", "1234"), layer("b", "5678")];
  expect(await isInPlace(layers, output)).toBe(false);
  await writeImage(layers, output);
  expect(await isInPlace(layers, output)).toBe(true);
  chmodSync(output, 0o644);
  expect(await isInPlace(layers, output)).toBe(false);
  for (const other of ["12345679", "1234", "123456789"]) {
    writeFileSync(output, other);
    chmodSync(output, 0o600);
    expect(await isInPlace(layers, output)).toBe(false);
  }
});

test.skipIf(process.geteuid?.() !== 0)("an output that belongs to somebody else is written anew (needs root to make one)", async () => {
  const layers = [layer("a", "1234")];
  await writeImage(layers, output);
  chownSync(output, 65534, 65534);
  expect(await isInPlace(layers, output)).toBe(false);
});

test.each([0o755, 0o700, 0o777])("on vfat, where a file has the mode of the mount (%o), its bytes alone tell", async (mode) => {
  const layers = [layer("a", "1234")];
  const [VFAT, EXT4] = [0x4d44, 0xef53];
  await writeImage(layers, output);
  chmodSync(output, mode);
  expect(await isInPlace(layers, output, () => EXT4)).toBe(false);
  expect(await isInPlace(layers, output, () => VFAT)).toBe(true);
  expect(await isInPlace([layer("b", "1235")], output, () => VFAT)).toBe(false);
});

test("what the initrd is wrapped in is the output, for its owner only; when that fails the old one stays", async () => {
  const bytes = await writeImage([layer("a", "1234")], output, { wrap: { moreBytes: 2, make: async (initrd, to) => writeFileSync(to, `<${readFileSync(initrd, "utf8")}>`, { mode: 0o644 }) } });
  expect([bytes, readFileSync(output, "utf8"), statSync(output).mode & 0o777]).toEqual([6, "<1234>", 0o600]);
  writeFileSync(output, "old");
  await expect(writeImage([layer("a", "1234")], output, { wrap: { moreBytes: 0, make: async () => { throw new Error("no stub"); } } })).rejects.toThrow("no stub");
  onlyTheOldOne();
});

test("what a killed build left beside it goes, what a running one writes stays", async () => {
  for (const pid of [2 ** 22 + 1, process.ppid]) writeFileSync(join(directory, `boot/.initrd.img.${pid}.new`), "half");
  for (const what of ["old", "initrd"]) writeFileSync(join(directory, `boot/.initrd.img.${what}.${2 ** 22 + 1}.new`), "half");
  await writeImage([layer("a", "1234")], output);
  expect(readdirSync(join(directory, "boot"))).toEqual([`.initrd.img.${process.ppid}.new`, "initrd.img"]);
});

test("a layer that is not what was built leaves the old image as it was", async () => {
  writeFileSync(output, "old");
  await expect(writeImage([{ ...layer("a", "1234"), bytes: 8 }], output)).rejects.toThrow(/it has 4 bytes, 8 were written/);
  onlyTheOldOne();
});

test.each([
  { what: "a directory that does not exist", path: "nowhere/initrd.img", found: /the directory does not exist.*\n  next: make it/ },
  { what: "a directory by its name, be it there or not", path: "none/", found: /on .*none\/: it is the name of a directory.*\n  next: name a file/ },
  { what: "a directory in its place", path: "boot", found: /it is a directory/ },
  { what: "a pipe in its place", path: "pipe", found: /it is no regular file/ },
  { what: "a file as a directory", path: "file/initrd.img", found: /no directory/ },
])("$what is a clear error", async ({ path, found }) => {
  writeFileSync(join(directory, "file"), "");
  execFileSync("mkfifo", [join(directory, "pipe")]);
  await expect(writeImage([layer("a", "1234")], join(directory, path))).rejects.toThrow(found);
});

const maySetUp = process.getuid?.() === 0 && spawnSync("unshare", ["--mount", "true"]).status === 0;

describe.skipIf(!maySetUp)("on filesystems of their own (skipped without root or unshare)", () => {
  beforeEach(() => execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k,mode=0755", "tmpfs", join(directory, "boot")]));
  afterEach(() => execFileSync("umount", [join(directory, "boot")]));

  test("where there is no room nothing is written", async () => {
    writeFileSync(output, "old");
    await expect(writeImage([layer("a", "x".repeat(100_000))], output)).rejects.toThrow(/it takes 0\.1 MiB, and 0\.1 MiB are free there; what was there before is untouched\n  next: remove images/);
    onlyTheOldOne();
  });

  test("a filesystem that fills up meanwhile leaves the old image as it was, and nothing beside it", async () => {
    writeFileSync(output, "old");
    await expect(writeImage([{ ...layer("a", "x".repeat(100_000)), bytes: 8 }], output)).rejects.toThrow(/the filesystem is full; what was there before is untouched\n  next: make room/);
    onlyTheOldOne();
  });

  test("a read-only filesystem leaves the old image as it was", async () => {
    writeFileSync(output, "old");
    execFileSync("mount", ["-o", "remount,ro", join(directory, "boot")]);
    await expect(writeImage([layer("a", "1234")], output)).rejects.toThrow(/the filesystem is read-only/);
    onlyTheOldOne();
  });
});

function onlyTheOldOne(): void {
  expect(readFileSync(output, "utf8")).toBe("old");
  expect(readdirSync(join(directory, "boot"))).toEqual(["initrd.img"]);
}

function layer(name: string, content: string): BuiltLayer {
  const file = join(directory, name);
  writeFileSync(file, content);
  return { name: "site", file, bytes: content.length, crc32: crc32(content), unpackedBytes: content.length, files: 1, cacheHit: false };
}
