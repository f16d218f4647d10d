import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseHeader } from "../../../src/core/rc/header.ts";
import { ownArchitecture } from "../../../src/host/architecture.ts";
import { openFileMemo } from "../../../src/host/file-memo.ts";
import { compareReleases, readKernel } from "../../../src/host/plan/kernel.ts";
import type { ScriptFile } from "../../../src/host/plan/facts.ts";
import { readHostFacts } from "../../../src/host/plan/read-facts.ts";
import { openSysroot } from "../../../src/host/plan/sysroot.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "facts-"));
  for (const path of ["package/dist/image/rc.d", "package/rc.d", "modules/6.1.0-9", "modules/6.1.0-56", "modules/empty"]) mkdirSync(join(directory, path), { recursive: true });
  for (const release of ["6.1.0-9", "6.1.0-56"]) for (const name of ["modules.dep", "modules.alias"]) writeFileSync(join(directory, "modules", release, name), "");
  writeFileSync(join(directory, "package/dist/image/rc.d/devices.js"), "// MODULES: dm_mod\nexport default async () => {};\n");
  writeFileSync(join(directory, "package/rc.d/devices.ts"), "");
  writeFileSync(join(directory, "package/dist/image/rc.d/make-disk.js"), "// REQUIRE: devices\n");
});
afterEach(() => rmSync(directory, { recursive: true }));

test("our own scripts are read from the bundle; what is not of rc.d is for making disks", () => {
  const { scripts } = facts([]);
  expect(scripts.map(({ name, source, origin }) => ({ name, source, origin }))).toEqual([
    { name: "devices", source: "rc.d/devices.ts", origin: "rc.d" },
    { name: "make-disk", source: "images/make-disk.ts", origin: "images" },
  ]);
  expect(scripts[0]?.header.modules).toEqual([{ name: "dm_mod", optional: false }]);
});

test("the user's own scripts come behind ours", () => {
  const own: ScriptFile = { name: "hello", source: "hello.ts", header: parseHeader("// REQUIRE: devices\n", "hello.ts"), from: { bytes: Buffer.from("") }, origin: "configuration" };
  expect(facts([own]).scripts.map(({ name }) => name)).toEqual(["devices", "make-disk", "hello"]);
});

test("without a bundle the way to make one is named", () => {
  rmSync(join(directory, "package/dist"), { recursive: true });
  expect(() => facts([])).toThrow(/next: npm run build/);
});

test("a sysroot that is no directory is an error", () => {
  expect(() => facts([], join(directory, "package/rc.d/devices.ts"))).toThrow(/reading the sysroot on .*devices\.ts: there is no such directory\n  next: name another one: --sysroot DIR/);
});

test("the newest kernel is taken, by numbers and not by letters", () => {
  expect(readKernel(join(directory, "modules"), undefined).release).toBe("6.1.0-56");
  expect(["6.12.1", "6.1.0-56", "6.1.0-9", "5.10"].sort(compareReleases)).toEqual(["5.10", "6.1.0-9", "6.1.0-56", "6.12.1"]);
});

test.each([
  { directory: "modules", release: "6.1.0-57", found: /there is only 6.1.0-9, 6.1.0-56\n  next: did you mean --kernel 6.1.0-56\?/ },
  { directory: "package/rc.d/devices.ts", release: undefined, found: /no kernel has modules there/ },
  { directory: "nowhere", release: undefined, found: /no kernel has modules there\n  next: .*--modules-directory/ },
])("a kernel that is not there is an error: $release in $directory", ({ directory: name, release, found }) => {
  expect(() => readKernel(join(directory, name), release)).toThrow(found);
});

function facts(scripts: ScriptFile[], sysroot = "/") {
  return readHostFacts({
    sysroot: openSysroot(sysroot), architecture: ownArchitecture(), modulesDirectory: join(directory, "modules"), nodeBinary: process.execPath, packageRoot: join(directory, "package"),
    scripts, machine: true, memo: openFileMemo(join(directory, "memo.json")),
  });
}
