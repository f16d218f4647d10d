import { spawnSync } from "node:child_process";
import { existsSync, linkSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { dumpVolume } from "../../../src/host/inspect/dump.ts";
import { fixtureBytes } from "../../fixtures/fixture.ts";
import { mkinitrd } from "../image/mkinitrd.ts";

let folder = "";
beforeEach(() => { folder = mkdtempSync(join(tmpdir(), "dump-")); });
afterEach(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const parts = (name = "parts.img") => file(name, fixtureBytes("gpt/three-partitions.img.gz"));

describe("what stands in the way of a dump stays", () => {
  test("a disk that is called FILE.part, also by another link, and whatever is asked for", async () => {
    const disk = parts("out.part");
    linkSync(disk, join(folder, "disk.img"));
    for (const words of [[], ["--force"], ["--resume"], ["--force", "--resume"]]) {
      const result = await mkinitrd("dump", join(folder, "disk.img"), "disk.img:1", "-o", join(folder, "out"), ...words);
      expect(result).toMatchObject({ code: 1, errors: expect.stringMatching(/writing the dump on .*out\.part: it is one of the disks/) });
    }
    expect(readFileSync(disk).equals(fixtureBytes("gpt/three-partitions.img.gz"))).toBe(true);
  });

  test("a FILE.part that is somebody's, unless it is to be replaced", async () => {
    const [disk, part, out] = [parts(), file("out.part", "precious"), join(folder, "out")];
    expect(await mkinitrd("dump", disk, "parts.img:1", "-o", out)).toMatchObject({ code: 1, errors: expect.stringMatching(/out\.part: there is something of this name\n +next: go on with it if it is of an earlier dump: --resume/) });
    expect([readFileSync(part, "utf8"), existsSync(out)]).toEqual(["precious", false]);
    expect(await mkinitrd("dump", disk, "parts.img:1", "-o", out, "--force")).toMatchObject({ code: 0 });
    expect([existsSync(part), existsSync(out)]).toEqual([false, true]);
  });

  test("the key file and the header, also with --force", async () => {
    const [disk, key] = [parts(), file("root.key", "secret")];
    for (const words of [["--key-file", key], ["--header", `parts.img:1=${key}`], ["--tcrypt", `parts.img:1,type=truecrypt,hash=sha512,hidden=no,keyfile=${key}`, "--key-file", "/dev/null"]]) {
      expect(await mkinitrd("dump", disk, "parts.img:2", "-o", key, "--force", ...words)).toMatchObject({ code: 1, errors: expect.stringMatching(/root\.key: it is one of the disks, or a file that opens one/) });
    }
    expect(readFileSync(key, "utf8")).toBe("secret");
  });
});

describe("what is made while a dump runs stays", () => {
  const bytes = Buffer.alloc(3 << 20, "0123456789abcde");
  /** Somebody makes a file at the first read. */
  const source = (path: string) => ({ name: "volume", sizeBytes: bytes.length, read: async (at: number, length: number) => {
    if (!existsSync(path)) writeFileSync(path, "precious");
    return bytes.subarray(at, at + length);
  } });
  const options = { fill: false, sha256: false, progress: () => {} };

  test.each([false, true])("a file of its name; the dump is whole under another (--resume: %s)", async (resume) => {
    const out = file("out", "");
    rmSync(out);
    await expect(dumpVolume(source(out), out, { ...options, resume })).rejects.toThrow(/writing the dump on .*out: something of this name was made meanwhile, and stays; the dump is whole, and is called .*out\.1/);
    expect([readFileSync(out, "utf8"), readFileSync(`${out}.1`).equals(bytes), existsSync(`${out}.part`), existsSync(`${out}.part.lock`)]).toEqual(["precious", true, false, false]);
    await dumpVolume(source(out), out, { ...options, resume, force: true });
    expect(readFileSync(out).equals(bytes)).toBe(true);
  });

  test("a part that is somebody's", async () => {
    const part = file("out.part", "precious");
    await expect(dumpVolume(source(part), join(folder, "out"), { ...options, resume: false })).rejects.toThrow(/writing the dump on .*out\.part: .*exist/);
    expect(readFileSync(part, "utf8")).toBe("precious");
  });

  test.each([false, true])("the part of another dump that is under way (--resume: %s)", async (resume) => {
    const out = join(folder, "out");
    const slow = { ...source(file("x", "")), read: async (at: number, length: number) => {
      await expect(dumpVolume(source(out), out, { ...options, resume, force: true })).rejects.toThrow(new RegExp(`out\\.part: another dump writes it: process ${process.pid}, as .*out\\.part\\.lock says`));
      return bytes.subarray(at, at + length);
    } };
    await dumpVolume(slow, out, { ...options, resume });
    expect(readFileSync(out).equals(bytes)).toBe(true);
  });

  test("and the lock of a dump that was killed is none; one that is somebody's file stays", async () => {
    const out = join(folder, "out");
    const ended = spawnSync("true").pid;
    const lock = file("out.part.lock", `${ended}\n`);
    await dumpVolume(source(lock), out, { ...options, resume: true });
    expect([readFileSync(out).equals(bytes), existsSync(lock)]).toEqual([true, false]);
    file("out.part.lock", "precious");
    await expect(dumpVolume(source(lock), out, { ...options, resume: true, force: true })).rejects.toThrow(/out\.part\.lock is there, and says no process that writes it/);
    expect(readFileSync(lock, "utf8")).toBe("precious");
  });
});

describe("--resume", () => {
  const MIB = 1024 * 1024;
  const disk = (content: Buffer) => file("disk.img", content);
  const bytes = Buffer.alloc(10 * MIB, "0123456789abcde");

  test("goes on with what is the volume's", async () => {
    file("out.part", bytes.subarray(0, 9 * MIB));
    expect(await mkinitrd("dump", disk(bytes), "disk.img", "-o", join(folder, "out"), "--resume")).toMatchObject({ code: 0, out: expect.stringMatching(/resumed at byte 8388608/) });
    expect(readFileSync(join(folder, "out")).equals(bytes)).toBe(true);
  });

  test.each(["another volume", "a volume that has changed since"])("refuses the part of %s", async (what) => {
    const other = Buffer.from(bytes);
    if (what === "another volume") other.fill("x");
    else other.fill("x", 8 * MIB - 512, 8 * MIB);
    const part = file("out.part", other.subarray(0, 9 * MIB));
    expect(await mkinitrd("dump", disk(bytes), "disk.img", "-o", join(folder, "out"), "--resume")).toMatchObject({ code: 1, errors: expect.stringMatching(/resuming the dump on .*out\.part: what it has at bytes \d+ to \d+ is not what disk\.img has there: it is of another volume, or the disk has changed/) });
    expect(readFileSync(part).equals(other.subarray(0, 9 * MIB))).toBe(true);
  });
});

test("of a partition that the disk ends before the missing end is an error, or zeros and a line of the report", async () => {
  const disk = file("cut.img", Buffer.alloc(4 << 20));
  spawnSync("sfdisk", ["-q", disk], { input: "label: dos\nstart=2048, size=4096\n", env: { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` } });
  const bytes = readFileSync(disk).fill("x", 1 << 20).subarray(0, 2 << 20);
  writeFileSync(disk, bytes);
  const out = join(folder, "out");
  expect(await mkinitrd("dump", disk, "cut.img:1", "-o", out)).toMatchObject({ code: 1, errors: expect.stringMatching(/dumping on cut\.img:1: the disk ends before it does: bytes 1048576 to 2097151 are missing\n +next: --fill/) });
  expect(existsSync(out)).toBe(false);
  expect(await mkinitrd("dump", disk, "cut.img:1", "-o", out, "--fill")).toMatchObject({ code: 1, out: expect.stringMatching(/out: 2 MiB in .*\n {2}zeros at bytes 1048576 to 2097151: .* the disk ends before it does/) });
  expect(readFileSync(out).equals(Buffer.concat([bytes.subarray(1 << 20), Buffer.alloc(1 << 20)]))).toBe(true);
});

test("of a volume whose disk was named with a copy of it nobody can tell what it has", async () => {
  const [a, b] = ["a", "b"].map((name) => file(`group-${name}.img`, fixtureBytes(`lvm2/group-${name}.img.gz`)));
  const copy = file("copy.img", fixtureBytes("lvm2/group-a.img.gz"));
  const out = join(folder, "out");
  for (const disks of [[a!, b!, copy], [copy, a!, b!]]) {
    expect(await mkinitrd("dump", ...disks, "vg-one/root", "-o", out)).toMatchObject({ code: 1, errors: expect.stringMatching(/dumping on vg-one\/root: (copy|group-a)\.img has the same physical volume as another disk: one is a copy, and nobody can tell which\n +next: name the disks of one of them alone/) });
    expect((await mkinitrd("inspect", ...disks)).out).toMatch(/vg-one +.*\n.*! (copy|group-a)\.img has the same physical volume as another disk/);
  }
  expect(existsSync(out)).toBe(false);
});

test("a link that leads to itself is said to be one", async () => {
  symlinkSync("loop", join(folder, "loop"));
  expect((await mkinitrd("inspect", join(folder, "loop"))).errors).toMatch(/^mkinitrd: opening on .*loop: /);
});

test("--all --resume goes on behind the volumes that are whole", async () => {
  const disks = ["a", "b"].map((name) => file(`group-${name}.img`, fixtureBytes(`lvm2/group-${name}.img.gz`)));
  const to = join(folder, "all");
  expect(await mkinitrd("dump", "--all", ...disks, "-o", to)).toMatchObject({ code: 0 });
  const root = join(to, "vg-one", "root");
  const whole = readFileSync(root);
  rmSync(root);
  expect(await mkinitrd("dump", "--all", "--resume", ...disks, "-o", to)).toMatchObject({ code: 0, errors: expect.stringMatching(/vg-one\/str is there already/) });
  expect(readFileSync(root).equals(whole)).toBe(true);
});

describe("key files", () => {
  test("one that opens nothing is said, and the exit code tells", async () => {
    const disk = file("luks.img", fixtureBytes("luks2/argon2.img.gz"));
    for (const content of ["wrong", ""]) {
      const result = await mkinitrd("inspect", "--key-file", file("key", content), disk);
      expect([result.code, result.errors]).toEqual([1, expect.stringMatching(/unlocking on .*luks\.img: no keyslot opens with this passphrase/)]);
    }
  });
});

test("nothing on a disk reaches the terminal as it is through an error", async () => {
  const header = fixtureBytes("luks1/two-keyslots.img.gz");
  header.write("a\x9b31m\x9b2J\n", 8, "latin1"); // the cipher's name
  const { errors, out } = await mkinitrd("inspect", "--key-file", file("key", "x"), "--header", `luks.img=${file("header.img", header)}`, file("luks.img", Buffer.alloc(1 << 20)));
  expect(errors).toMatch(/cipherName is "a\\x9b31m\\x9b2J\\x0a"/);
  expect(out + errors).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
});

test("a disk that is named twice, however it is spelled, is one", async () => {
  const disk = parts();
  linkSync(disk, join(folder, "again.img"));
  const { out } = await mkinitrd("inspect", disk, `${folder}/./parts.img`, join(folder, "again.img"));
  expect(out.match(/\bgpt\b/g)).toHaveLength(1);
});
