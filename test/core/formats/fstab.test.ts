import fc from "fast-check";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { formatFstab, parseFstab } from "../../../src/core/formats/fstab.ts";
import { findProgram } from "../../../tools/packages.js";

const SAMPLE = `# <file system> <mount point>   <type>  <options>       <dump>  <pass>
UUID=9f2c1c7c-5e7e-4d6d-8f3e-0d9b1d0a6c01 /               ext4    errors=remount-ro 0       1
\t/dev/mapper/vg0-usr\t/usr ext4 defaults,noatime,x-initrd.mount 0 2
LABEL="my\\040data" /srv/my\\040data btrfs subvol=@data
tmpfs /tmp tmpfs

/dev/sr0 none iso9660 noauto
`;

describe("an fstab", () => {
  test("reads field by field", () => {
    const { entries, problems } = parseFstab(SAMPLE);
    expect(problems).toEqual([]);
    expect(entries.map(({ lineNumber, ...entry }) => entry)).toEqual([
      { source: "UUID=9f2c1c7c-5e7e-4d6d-8f3e-0d9b1d0a6c01", target: "/", fstype: "ext4", options: ["errors=remount-ro"], passNumber: 1 },
      { source: "/dev/mapper/vg0-usr", target: "/usr", fstype: "ext4", options: ["noatime", "x-initrd.mount"], passNumber: 2 },
      { source: "LABEL=my data", target: "/srv/my data", fstype: "btrfs", options: ["subvol=@data"], passNumber: 0 },
      { source: "tmpfs", target: "/tmp", fstype: "tmpfs", options: [], passNumber: 0 },
      { source: "/dev/sr0", target: "none", fstype: "iso9660", options: ["noauto"], passNumber: 0 },
    ]);
  });

  test.skipIf(findProgram("findmnt") === undefined)("reads as findmnt(8) reads it (skipped without findmnt)", () => {
    const directory = mkdtempSync(join(tmpdir(), "mkinitrd-fstab-"));
    try {
      writeFileSync(join(directory, "fstab"), SAMPLE);
      const printed = execFileSync("findmnt", ["--tab-file", join(directory, "fstab"), "--json", "--output", "SOURCE,TARGET,FSTYPE,PASSNO", "--list"], { encoding: "utf8" });
      const theirs = (JSON.parse(printed) as { filesystems: Record<string, unknown>[] }).filesystems;
      const ours = parseFstab(SAMPLE).entries.map(({ source, target, fstype, passNumber }) => ({ source, target, fstype, passno: passNumber }));
      const unquoted = theirs.map((entry) => ({ ...entry, source: String(entry["source"]).replaceAll('"', "") })); // it prints sources as they stand
      expect(ours).toEqual(unquoted);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test.each([
    { line: "UUID=1 /usr", problem: "line 1: 2 fields, a line has at least 3" },
    { line: "word", problem: "line 1: 1 field, a line has at least 3" },
    { line: "UUID=1 usr ext4", problem: "line 1: its directory is no absolute path" },
    { line: "UUID=1 /u\\033sr ext4", problem: "line 1: a field is empty or holds a control character" },
  ])("the line $line is a problem and hides no other", ({ line, problem }) => {
    const { entries, problems } = parseFstab(`${line}\nUUID=2 /home ext4\n`);
    expect(problems).toEqual([problem]);
    expect(entries).toMatchObject([{ source: "UUID=2", lineNumber: 2 }]);
  });

  test("is read whatever the text is", () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom(..." \t\n\\0417#=\"/aU,-é\u0000") }), (text) => {
      for (const { target, lineNumber } of parseFstab(text).entries) {
        expect(target).toMatch(/^(\/|none$|swap$)/);
        expect(lineNumber).toBeLessThanOrEqual(text.split("\n").length);
      }
    }));
  });

  test("reads back what was formatted", () => {
    const word = fc.stringMatching(/^[a-zA-Z0-9/ \\._-]{1,12}$/).filter((text) => !text.startsWith("#"));
    const option = fc.stringMatching(/^[a-z=.-]{1,8}$/).filter((text) => text !== "defaults");
    const entry = fc.record({ source: word, target: word.map((text) => `/${text}`), fstype: word, options: fc.array(option, { maxLength: 4 }), passNumber: fc.integer({ min: 0, max: 9 }) });
    fc.assert(fc.property(fc.array(entry, { maxLength: 5 }), (entries) => {
      const numbered = entries.map((one, index) => ({ ...one, lineNumber: index + 1 }));
      expect(parseFstab(formatFstab(numbered))).toEqual({ entries: numbered, problems: [] });
    }));
  });
});

test("a line with two million blanks in it is read at once, and one that ends in them", () => {
  const blanks = " \t".repeat(1_000_000);
  expect(parseFstab(`/dev/vda1${blanks}/usr ext4 ro${blanks}\r\n`).entries).toMatchObject([{ source: "/dev/vda1", target: "/usr", options: ["ro"] }]);
});
