import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createSystem, resolveInside } from "../../src/boot/system.ts";

let root: string;
const warnings: string[] = [];
const log = { step() {}, warn: (text: string) => void warnings.push(text), debug() {}, mark() {} };

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
  await expect(createSystem(log).findInit(root)).resolves.toBe("/bin/init");
});

test("an init that was asked for and is not there is said", async () => {
  writeFileSync(join(root, "usr/sbin/init"), "", { mode: 0o755 });
  await expect(createSystem(log).findInit(root, "/bin/nothing")).resolves.toBe("/sbin/init");
  expect(warnings).toEqual(["init=/bin/nothing is not there; /sbin/init is used"]);
});

test("a root without any init lists what was looked for", async () => {
  await expect(createSystem(log).findInit(root)).rejects.toThrow(/none of \/sbin\/init, .*\/bin\/sh is a program there/);
});
