import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createKeyFiles } from "../../src/boot/key-files.ts";
import { MkinitrdError } from "../../src/core/errors.ts";
import { LARGEST_KEY_FILE_BYTES } from "../../src/core/realroot/key-file.ts";
import { exec } from "../../src/host/exec.ts";

let [folder, stick, mounts]: string[] = [];
let recorded: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mkinitrd-key-"));
  [stick, mounts] = ["stick", "mounts"].map((name) => join(folder!, name)) as [string, string];
  for (const path of [stick, mounts]) mkdirSync(path!);
  writeFileSync(join(stick!, "root.key"), "0123456789");
  recorded = [];
});
afterEach(() => rmSync(folder!, { recursive: true, force: true }));

/** A stick, LABEL=KEYS, whose files are copied to where it is mounted; `timeoutMs` is recorded. */
function keyFiles(fstype: string | undefined = "ext4") {
  return createKeyFiles({
    directory: mounts!,
    async find(device, { timeoutMs } = {}) {
      recorded.push(`find ${device} ${timeoutMs ?? ""}`);
      if (device !== "LABEL=KEYS") throw new MkinitrdError({ tried: "waiting 1 s for a device", on: device, found: "it did not appear" });
      return { name: "/dev/sdb1", path: "/dev/sdb1", layer: "partition", sizeBytes: 1 << 20, ...(fstype === undefined ? {} : { content: { type: fstype } }) };
    },
    async mount({ source, target, fstype: type, options }) {
      recorded.push(`mount ${source} ${type} ${options.join(",")}`);
      cpSync(stick!, target, { recursive: true, verbatimSymlinks: true });
    },
    async unmount(target) {
      recorded.push("unmount");
      rmSync(target, { recursive: true });
      mkdirSync(target);
    },
  });
}

test("a file of the image is read whole, or the part of it that is the key", async () => {
  const path = join(stick!, "root.key");
  await expect(keyFiles().read(path)).resolves.toEqual(Buffer.from("0123456789"));
  await expect(keyFiles().read(path, { offsetBytes: 3, sizeBytes: 4 })).resolves.toEqual(Buffer.from("3456"));
  await expect(keyFiles().read(path, { offsetBytes: 8 })).resolves.toEqual(Buffer.from("89"));
  expect(recorded).toEqual([]);
});

test("a device is waited for, mounted read-only without replaying its journal, and unmounted again", async () => {
  await expect(keyFiles().read("/root.key@LABEL=KEYS", { timeoutMs: 1000 })).resolves.toEqual(Buffer.from("0123456789"));
  expect(recorded).toEqual(["find LABEL=KEYS 1000", "mount /dev/sdb1 ext4 ro,nosuid,nodev,noexec,noload", "unmount"]);
  expect(readdirSync(mounts!)).toEqual([]);
});

test("a file that is missing on the device is told apart from a missing device, and leaves nothing mounted", async () => {
  await expect(keyFiles().read("/other.key@LABEL=KEYS")).rejects.toThrow(/reading the key file on \/other\.key of LABEL=KEYS: no such file/);
  expect(recorded.at(-1)).toBe("unmount");
  expect(readdirSync(mounts!)).toEqual([]);
  await expect(keyFiles().read("/root.key@LABEL=OTHER")).rejects.toThrow(/looking for the device of the key file \/root\.key on LABEL=OTHER: it did not appear/);
});

test("a device without a filesystem is refused and not mounted", async () => {
  await expect(keyFiles("crypto_LUKS").read("/root.key@LABEL=KEYS")).rejects.toThrow(/holds crypto_LUKS, which is no filesystem/);
  expect(recorded).toEqual(["find LABEL=KEYS "]);
});

test("a link inside of the filesystem is followed, one that leads out of it is not", async () => {
  symlinkSync("root.key", join(stick!, "inner"));
  symlinkSync("/etc/hostname", join(stick!, "outer"));
  await expect(keyFiles().read("/inner@LABEL=KEYS")).resolves.toEqual(Buffer.from("0123456789"));
  await expect(keyFiles().read("/outer@LABEL=KEYS")).rejects.toThrow(/leads out of its filesystem/);
});

test("what is no regular file, is too short or too large is refused, a pipe without waiting for a writer", async () => {
  await exec("mkfifo", [join(stick!, "pipe")]);
  writeFileSync(join(stick!, "large"), "");
  truncateSync(join(stick!, "large"), LARGEST_KEY_FILE_BYTES + 1);
  const read = (name: string, part = {}) => keyFiles().read(join(stick!, name), part);
  await expect(read("pipe")).rejects.toThrow(/it is no regular file/);
  await expect(read(".")).rejects.toThrow(/it is no regular file/);
  await expect(read("large")).rejects.toThrow(/8388609 bytes, expected at most 8388608\n {2}next: add keyfile-size/);
  await expect(read("large", { sizeBytes: 2 })).resolves.toEqual(Buffer.alloc(2));
  await expect(read("root.key", { offsetBytes: 8, sizeBytes: 4 })).rejects.toThrow(/it ends at byte 10, and the key is 4 bytes from byte 8/);
  await expect(read("root.key", { offsetBytes: 10 })).rejects.toThrow(/it has 10 bytes, and the key begins at byte 10/);
});

test("a device as the key itself is waited for", async () => {
  await expect(keyFiles().read("/dev/sdz", { sizeBytes: 32 })).rejects.toThrow(/looking for the device of the key file \/dev\/sdz on \/dev\/sdz/);
});

test("a program that wants paths gets the image's own, and copies of the others that are gone when it has ended", async () => {
  const own = join(stick!, "root.key");
  const seen = await keyFiles().withPaths([own, "/root.key@LABEL=KEYS"], async (paths) => {
    expect(paths[0]).toBe(own);
    expect(paths[1]).toMatch(new RegExp(`^${mounts}/`));
    expect(statSync(paths[1]!).mode & 0o777).toBe(0o600);
    return paths.map((path) => readFileSync(path, "utf8"));
  });
  expect(seen).toEqual(["0123456789", "0123456789"]);
  expect(readdirSync(mounts!)).toEqual([]);
});

test("copies of keys are gone when the program fails, too, and a missing file is said before it is called", async () => {
  await expect(keyFiles().withPaths(["/root.key@LABEL=KEYS"], () => Promise.reject(new Error("no key")))).rejects.toThrow("no key");
  await expect(keyFiles().withPaths(["/root.key@LABEL=KEYS", "/none@LABEL=KEYS"], () => expect.fail("called"))).rejects.toThrow(/no such file/);
  expect(readdirSync(mounts!)).toEqual([]);
});
