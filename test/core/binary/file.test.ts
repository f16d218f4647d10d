import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { deviceNumber, openFile } from "../../../src/core/binary/file.ts";
import { window } from "../../../src/core/binary/source.ts";
import { openTable } from "../../../src/core/dm/table.ts";
import { MkinitrdError } from "../../../src/core/errors.ts";

const directory = mkdtempSync(join(tmpdir(), "mkinitrd-file-"));
afterAll(() => rmSync(directory, { recursive: true }));

function file(name: string, bytes: Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, bytes);
  return path;
}

test("a file is read where it was asked to", async () => {
  const source = await openFile(file("disk.img", Buffer.from("0123456789")));
  expect(source.sizeBytes).toBe(10);
  expect((await source.read(3, 4)).toString()).toBe("3456");
  expect(await source.read(10, 0)).toHaveLength(0);
  await source.close?.();
});

test("a read past the end is refused before anything is read", async () => {
  const source = await openFile(file("short.img", Buffer.alloc(10)));
  await expect(source.read(8, 3)).rejects.toThrow("reading 3 bytes at byte 8");
  await expect(source.read(0, 2 ** 40)).rejects.toThrow("it ends at byte 10");
  await source.close?.();
});

test("a file that shrinks after it was opened gives an error and not zeros", async () => {
  const path = file("shrinking.img", Buffer.alloc(100, 1));
  const source = await openFile(path);
  truncateSync(path, 60);
  await expect(source.read(50, 20)).rejects.toThrow(`reading 20 bytes at byte 50 on ${path}: it ended after 10 of them`);
  await source.close?.();
});

describe("what can't be opened is refused by name", () => {
  test("a missing file", async () => {
    await expect(openFile(join(directory, "none"))).rejects.toThrow("none: there is no such file");
  });

  test("a directory", async () => {
    await expect(openFile(directory)).rejects.toThrow("it is a directory");
  });

  test("a FIFO, without waiting for its writer", async () => {
    const path = join(directory, "fifo");
    execFileSync("mkfifo", [path]);
    await expect(openFile(path)).rejects.toThrow("neither a regular file nor a block device");
  });

  test("a character device", async () => {
    await expect(openFile("/dev/zero")).rejects.toBeInstanceOf(MkinitrdError);
  });
});

test.each([
  { rdev: 0x801n, text: "8:1" },
  { rdev: 0xfe00n, text: "254:0" },
  { rdev: 0x10_3001n, text: "48:257" },
  { rdev: 0x1000_0000_0000n, text: "4096:0" },
])("the device number $rdev is $text", ({ rdev, text }) => {
  expect(deviceNumber(rdev)).toBe(text);
});

const blockDevice = readdirSync("/dev")
  .map((name) => `/dev/${name}`)
  .find((path) => statSync(path, { throwIfNoEntry: false })?.isBlockDevice() && canOpen(path));

function canOpen(path: string): boolean {
  try {
    execFileSync("blockdev", ["--getsize64", path], { stdio: "pipe" });
    return true;
  } catch {
    return false;
  }
}

test.skipIf(blockDevice === undefined)("a block device has the size that blockdev says (needs one, and blockdev)", async () => {
  const source = await openFile(blockDevice ?? "");
  expect(source.sizeBytes).toBe(Number(execFileSync("blockdev", ["--getsize64", blockDevice ?? ""], { encoding: "utf8" })));
  await source.close?.();
});

test("bytes are read into memory that is there, through windows and tables, with the same bounds", async () => {
  const path = file("into.img", Buffer.from("0123456789abcdef".repeat(64)));
  const disk = await openFile(path);
  const part = openTable("lv", [{ type: "linear", startSector: 0, lengthSectors: 1, device: { path, source: window(disk, 16, 1000) }, deviceSector: 0 }]);
  const into = Buffer.alloc(4);
  await part.readInto!(10, into);
  expect(into.toString()).toBe("abcd");
  await expect(part.readInto!(509, into)).rejects.toThrow(/reading 4 bytes at byte 509 on lv: it ends at byte 512/);
  await expect(disk.readInto!(1022, into)).rejects.toThrow(/it ends at byte 1024/);
  await disk.close!();
});
