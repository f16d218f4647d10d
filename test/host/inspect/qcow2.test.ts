import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { openDisks } from "../../../src/host/inspect/disks.ts";

const folder = mkdtempSync(join(tmpdir(), "qcow2-"));
afterAll(() => rmSync(folder, { recursive: true }));
const missing = spawnSync("qemu-img", ["--version"]).error !== undefined;
const path = (name: string) => join(folder, name);
const qemuImg = (...args: string[]) => execFileSync("qemu-img", args, { stdio: "pipe" });

describe.skipIf(missing)("a qcow2 image of qemu-img (skipped where it is missing)", () => {
  const raw = Buffer.alloc(3 * 1024 * 1024);
  raw.write("beginning", 0);
  raw.fill(0x5a, 1_000_000, 1_200_000);
  raw.write("end", raw.length - 512);
  writeFileSync(path("raw.img"), raw);

  test("reads as the raw one that it was made of, holes too", async () => {
    qemuImg("convert", "-O", "qcow2", path("raw.img"), path("disk.qcow2"));
    const { close, devices: [disk] } = await openDisks([path("disk.qcow2")]);
    expect([disk!.path, disk!.source.sizeBytes]).toEqual(["disk.qcow2", raw.length]);
    expect((await disk!.source.read(0, raw.length)).equals(raw)).toBe(true);
    for (const [at, length] of [[999_990, 20], [1_199_999, 70_000], [raw.length - 3, 3], [0, 0]] as const) {
      expect((await disk!.source.read(at, length)).equals(raw.subarray(at, at + length))).toBe(true);
    }
    await expect(disk!.source.read(raw.length - 1, 2)).rejects.toThrow(/it ends at byte/);
    await close();
  });

  test("whose data is in another file, or packed, is refused with what to do", async () => {
    qemuImg("create", "-q", "-f", "qcow2", "-b", path("raw.img"), "-F", "raw", path("backed.qcow2"));
    await expect(openDisks([path("backed.qcow2")])).rejects.toThrow(/its data is in ".*raw\.img", too, a file that whoever made the image has named\n  next: make a raw one of it with qemu-img convert if you know/);
    qemuImg("create", "-q", "-f", "qcow2", "-o", `data_file=${path("data.img")},data_file_raw=on`, path("external.qcow2"), "1M");
    await expect(openDisks([path("external.qcow2")])).rejects.toThrow(/its data is in ".*data\.img", too/);
    qemuImg("convert", "-c", "-O", "qcow2", path("raw.img"), path("packed.qcow2"));
    const { close, devices: [disk] } = await openDisks([path("packed.qcow2")]);
    await expect(disk!.source.read(0, 512)).rejects.toThrow(/the clusters from byte 0 on are compressed/);
    await close();
  });

  test("that is damaged is an error of one line or two", async () => {
    const bytes = readFileSync(path("disk.qcow2"));
    bytes.fill(0xff, 8, 40);
    writeFileSync(path("damaged.qcow2"), bytes);
    await expect(openDisks([path("damaged.qcow2")])).rejects.toThrow(/damaged\.qcow2: qemu-img: .*\n {2}next: check that the image is whole/);
  });
});

test("image files are called by so much of their path as tells them apart; one that is missing is an error", async () => {
  for (const name of ["a", "b"]) execFileSync("mkdir", [path(name)]);
  for (const name of ["a/disk.img", "b/disk.img", "other.img"]) writeFileSync(path(name), Buffer.alloc(512));
  const { close, devices } = await openDisks(["a/disk.img", "b/disk.img", "other.img", "other.img"].map(path));
  expect(devices.map((device) => device.path)).toEqual(["a/disk.img", "b/disk.img", "other.img"]);
  await close();
  await expect(openDisks([path("other.img"), path("none.img")])).rejects.toThrow(/none\.img: there is no such file/);
});
