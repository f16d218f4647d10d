import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { memorySource, type Source } from "../../../src/core/binary/source.ts";
import { MkinitrdError } from "../../../src/core/errors.ts";
import { withExtFiles } from "../../../src/host/inspect/ext-files.ts";
import { mkinitrd } from "../image/mkinitrd.ts";
import { makeExt4 } from "./ext-disk.ts";

const folder = mkdtempSync(join(tmpdir(), "ext-files-"));
afterAll(() => rmSync(folder, { recursive: true }));

const large = randomBytes(2_500_001);
const image = join(folder, "root.img");
makeExt4(image, { "etc/fstab": "LABEL=root / ext4\n", "etc/empty": "", "var/large": large, "to/absolute": { link: "/etc/fstab" }, "to/relative": { link: "../etc/fstab" }, "to/nowhere": { link: "/nothing" }, "to/itself": { link: "itself" } });
const bytes = readFileSync(image);

describe("cat-file", () => {
  test.each([
    ["/etc/fstab", "LABEL=root / ext4\n"],
    ["etc/fstab", "LABEL=root / ext4\n"],
    ["/to/absolute", "LABEL=root / ext4\n"],
    ["/to/relative", "LABEL=root / ext4\n"],
    ["/etc/empty", ""],
  ])("prints %s as mke2fs was given it", async (path, content) => {
    expect(await mkinitrd("cat-file", image, "root.img", path)).toMatchObject({ code: 0, out: content, errors: "" });
  });

  test("prints the very bytes of a file of many blocks, and writes nothing to the disk", async () => {
    const result = await mkinitrd("cat-file", image, "root.img", "/var/large");
    expect(result.bytes.equals(large)).toBe(true);
    expect(readFileSync(image).equals(bytes)).toBe(true);
  });

  test.each([
    ["/etc/nothing", /reading "\/etc\/nothing" on root\.img: it is not there, .*\n +next: \/etc has empty, fstab\n/],
    ["/nothing/at/all", /it is not there, .*\n +next: \/ has etc, lost\+found, to, var\n/],
    ["/to/nowhere", /a link that leads to nothing/],
    ["/to/itself", /a link that leads to nothing/],
    ["/etc/fstab/x", /it is not there/],
    ["/etc", /it is a directory, of empty, fstab\n/],
  ])("says of %s what is wrong, and what there is", async (path, errors) => {
    expect(await mkinitrd("cat-file", image, "root.img", path)).toMatchObject({ code: 1, out: "", errors: expect.stringMatching(errors) });
  });

  test("a volume of another format, and too few words, are errors", async () => {
    const swap = join(folder, "swap.img");
    writeFileSync(swap, Buffer.alloc(1 << 20));
    expect((await mkinitrd("cat-file", swap, "swap.img", "/etc/fstab")).errors).toMatch(/it holds nothing that is known here; files are read from ext2, ext3, ext4/);
    expect((await mkinitrd("cat-file", swap, "swap.img")).errors).toMatch(/2 of its words\n +next: name a disk, a volume and a path/);
  });
});

describe("a filesystem that is damaged", () => {
  const fstab = (source: Source) => withExtFiles(source, async (files) => (await files.find("/etc/fstab"))?.sizeBytes);

  test("is read as far as the library reads it, or refused with its words; nothing hangs", async () => {
    const wrong = Buffer.from(bytes);
    wrong.fill(0xff, 1024 + 4, 1024 + 64); // the counts of the superblock
    await expect(fstab(memorySource(wrong, "wrong.img"))).rejects.toThrow(/opening the filesystem on wrong\.img: libext2fs says error \d+/);
    await expect(fstab(memorySource(bytes.subarray(0, 16 * 1024), "short.img"))).rejects.toThrow(MkinitrdError);
    await expect(fstab(memorySource(bytes, "whole.img"))).resolves.toBe(18);
  });

  test("one whose volume can't be read says why the volume can't", async () => {
    const unreadable = { ...memorySource(bytes, "bad.img"), read: () => Promise.reject(new MkinitrdError({ tried: "reading 4096 bytes at byte 0", on: "bad.img", found: "input/output error" })) };
    await expect(fstab(unreadable)).rejects.toThrow(/reading 4096 bytes at byte 0 on bad\.img: input\/output error/);
  });

  test("nobody's handlers of errors are changed by the library", () => {
    expect(process.listeners("uncaughtException").map(String).join("\n")).not.toContain("ExitStatus");
  });
});
