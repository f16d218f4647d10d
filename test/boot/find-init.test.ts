import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findInit, resolveInside } from "../../src/boot/find-init.ts";

let root: string;
const warnings: string[] = [];
const warn = (text: string) => void warnings.push(text);

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "mkinitrd-newroot-"));
  warnings.length = 0;
  mkdirSync(join(root, "usr/sbin"), { recursive: true });
  symlinkSync("usr/sbin", join(root, "sbin"));
});
afterEach(() => rmSync(root, { recursive: true }));

test("a link in the real root is followed as it will lead after the pivot, not into our own /usr", () => {
  writeFileSync(join(root, "usr/sbin/real"), "");
  symlinkSync("/usr/sbin/real", join(root, "usr/sbin/init"));
  expect(resolveInside(root, "/sbin/init")).toBe(join(root, "usr/sbin/real"));
});

test("links that lead nowhere, out of the root, or in a circle are no program", () => {
  symlinkSync("../../../../../../bin/sh", join(root, "usr/sbin/out"));
  symlinkSync("loop", join(root, "usr/sbin/loop"));
  symlinkSync("missing", join(root, "usr/sbin/dangling"));
  expect(["/sbin/out", "/sbin/loop", "/sbin/dangling"].map((path) => resolveInside(root, path))).toEqual([undefined, undefined, undefined]);
});

test("the init is the first usual one that can be run", async () => {
  writeFileSync(join(root, "usr/sbin/init"), "", { mode: 0o644 });
  mkdirSync(join(root, "bin"));
  writeFileSync(join(root, "bin/init"), "", { mode: 0o755 });
  await expect(findInit(root, undefined, warn)).resolves.toBe("/bin/init");
});

test("an init that was asked for and is not there is said", async () => {
  writeFileSync(join(root, "usr/sbin/init"), "", { mode: 0o755 });
  await expect(findInit(root, "/bin/nothing", warn)).resolves.toBe("/sbin/init");
  expect(warnings).toEqual(["init=/bin/nothing is no program there, /sbin/init is used"]);
});

test("a root without any init lists what was looked for", async () => {
  await expect(findInit(root, undefined, warn)).rejects.toThrow(/none of \/sbin\/init, .*\/bin\/sh is a program there/);
});

test("an init whose interpreter or loader is missing is not handed over to: nobody could say so behind the pivot", async () => {
  mkdirSync(join(root, "bin"));
  writeFileSync(join(root, "usr/sbin/init"), "#! /bin/dash -e\n", { mode: 0o755 });
  copyFileSync("/bin/ls", join(root, "bin/init"));
  await expect(findInit(root, undefined, warn)).rejects.toThrow(/\/sbin\/init \(its interpreter \/bin\/dash: not there\), .*\/bin\/init \(its interpreter \/lib64\/ld-linux\S+: not there\)/);
  writeFileSync(join(root, "bin/dash"), "", { mode: 0o755 });
  await expect(findInit(root, undefined, warn)).resolves.toBe("/sbin/init");
});

test("scripts that are each other's interpreters, and a path longer than any, are no program", async () => {
  writeFileSync(join(root, "usr/sbin/init"), "#!/sbin/init", { mode: 0o755 });
  await expect(findInit(root, `/${"x".repeat(5000)}`, warn)).rejects.toThrow(/ENAMETOOLONG.*\/sbin\/init \(.*too many interpreters/);
});

test("a directory, and a file that is not executable, are no program, each with the reason", async () => {
  mkdirSync(join(root, "usr/sbin/init"));
  mkdirSync(join(root, "etc"));
  writeFileSync(join(root, "etc/init"), "", { mode: 0o644 });
  await expect(findInit(root, undefined, warn)).rejects.toThrow(/\/sbin\/init \(no regular file\), .*\/etc\/init \(not executable\)/);
});
