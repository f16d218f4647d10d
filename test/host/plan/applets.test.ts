import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { arm64Sysroot } from "../../../tools/arm64.js";
import { findProgram } from "../../../tools/packages.js";
import { exec } from "../../../src/host/exec.ts";
import { listApplets, readApplets } from "../../../src/host/plan/applets.ts";

let directory: string;
beforeEach(() => { directory = mkdtempSync(join(tmpdir(), "applets-")); });
afterEach(() => rmSync(directory, { recursive: true }));

const own = findProgram("busybox");

describe.skipIf(own === undefined)("of this machine's busybox (skipped where there is none)", () => {
  test("what is read from its tables is what it says itself", async () => {
    expect(readApplets(own!)).toEqual(await listApplets(own!));
  });

  test.each([
    { what: "a name out of order", change: (bytes: Buffer) => bytes.write("zz", bytes.indexOf("\0acpid\0") + 1, "latin1"), found: /the table of their names is not in it/ },
    { what: "a place that is none", change: (bytes: Buffer) => { for (let at = bytes.indexOf("[\0[[\0acpid") - 2048; bytes[at] !== 0x5b || bytes[at + 1] !== 0; at++) bytes[at] = 0xff; }, found: /where its \d+ applets are installed is not in it/ },
  ])("$what is found out", ({ change, found }) => {
    const bytes = readFileSync(own!);
    change(bytes);
    const file = join(directory, "busybox");
    writeFileSync(file, bytes);
    expect(() => readApplets(file)).toThrow(found);
  });
});

const foreign = join(arm64Sysroot, "usr/bin/busybox");
const hasForeign = existsSync(foreign) && findProgram("qemu-aarch64") !== undefined;
test.skipIf(!hasForeign)("what is read from that of another architecture is what it says under an emulator (skipped without Debian for arm64)", async () => {
  const { stdout } = await exec("qemu-aarch64", [foreign, "--list-full"]);
  expect(readApplets(foreign)).toEqual(stdout.trim().split("\n"));
});

test("a program that is no busybox is refused", () => {
  expect(() => readApplets(process.execPath)).toThrow(/listing the applets of busybox on .*\n  next: install a full one/);
});
