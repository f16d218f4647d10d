import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readModprobeConfig } from "../../../src/host/plan/modprobe-config.ts";
import { modprobeEntry } from "../../../src/host/plan/modprobe-entry.ts";
import { openSysroot } from "../../../src/host/plan/sysroot.ts";

let root: string;
beforeEach(() => void (root = mkdtempSync(join(tmpdir(), "modprobe-"))));
afterEach(() => rmSync(root, { recursive: true }));

test("a file hides one of its name further down, and a link to /dev/null hides it altogether; files are read by their names", () => {
  write("usr/lib/modprobe.d/b.conf", "options b low=1\n");
  write("usr/lib/modprobe.d/c.conf", "options c low=1\n");
  write("usr/lib/modprobe.d/a.conf", "options a low=1\n");
  write("usr/lib/modprobe.d/readme", "options d low=1\n");
  write("etc/modprobe.d/b.conf", "# a comment\n\n  options\tb  high=1  other=\"x y\"\\\n more=2\nnonsense\n");
  symlinkSync("../../null", join(root, "etc/modprobe.d/c.conf"));
  symlinkSync("usr/lib", join(root, "lib"));
  expect(read()).toEqual([
    { keyword: "options", subject: "a", rest: "low=1", file: "/usr/lib/modprobe.d/a.conf" },
    { keyword: "options", subject: "b", rest: 'high=1  other="x y"  more=2', file: "/etc/modprobe.d/b.conf" },
  ]);
});

test("what is about packed modules goes in; that an install line is not carried out is noted", () => {
  write("etc/modprobe.d/x.conf", "options dm-crypt a=1\noptions other b=2\nblacklist dm_crypt\nblacklist other\nalias eth0 dm-crypt\nalias eth1 other\nsoftdep dm_crypt pre: xts\n"
    + "install dm_crypt /usr/bin/logger x\ninstall other /bin/false\n");
  const { entries, notes } = modprobeEntry(read(), new Set(["dm_crypt"]));
  expect(entries).toEqual([{
    path: "etc/modprobe.d/mkinitrd.conf", mode: 0o644, reason: "/etc/modprobe.d/x.conf, about packed modules", type: "file",
    from: { bytes: Buffer.from("options dm-crypt a=1\nblacklist dm_crypt\nalias eth0 dm-crypt\n") },
  }]);
  expect(notes).toEqual(["the install line of dm_crypt in /etc/modprobe.d/x.conf is not carried out in the image: modprobe loads the module there"]);
  expect(modprobeEntry(read(), new Set(["xts"])).entries).toEqual([]);
});

function read() {
  return readModprobeConfig(openSysroot(root));
}

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}
